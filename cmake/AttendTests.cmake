# Tests by glob, one program per file, registered with ctest under its path:
#   tests/unit/**/test_*.c tests/grad/test_*.c tests/kernels/test_*.c tests/fault/test_*.c
#       cmocka programs; linked with the static library, src/ visible
#   tests/cli/**/<name>.sh        run by tests/cli/run.sh, compared with .stdout/.stderr
#   tests/fuzz/fuzz_<format>.c    replays tests/fuzz/corpora/<format>/
#   include/attend/*.h            each compiled alone as C99 and as C++11
#   examples/*.c                  built and run
# Benchmarks (bench/bench_*.c) are built by the target `bench`, not by default.
set(ATTEND_DIR "${CMAKE_CURRENT_SOURCE_DIR}")

if(NOT ATTEND_TESTS STREQUAL "OFF")
    if(PKG_CONFIG_FOUND)
        pkg_check_modules(CMOCKA QUIET IMPORTED_TARGET cmocka)
    endif()
    if(NOT CMOCKA_FOUND AND ATTEND_TESTS STREQUAL "ON")
        message(FATAL_ERROR "ATTEND_TESTS is ON but cmocka is not there")
    endif()
endif()

# gcc 12 for aarch64 ends with an internal error (vect_transform_reduction) on the maximum
# of doubles in a loop, as tests take it.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_C_COMPILER_VERSION VERSION_LESS 13
   AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    target_compile_options(attend_test_warnings INTERFACE -fno-tree-vectorize)
endif()

# An executable that may look inside: internal headers, every symbol.
function(attend_inside_program name)
    add_executable(${name} ${ARGN})
    target_include_directories(
        ${name} PRIVATE "${ATTEND_DIR}/src" "${ATTEND_DIR}/tests/support"
                        "${ATTEND_GENERATED}/src")
    target_compile_definitions(${name} PRIVATE ATTEND_SOURCE_DIR="${ATTEND_DIR}")
    target_link_libraries(${name} PRIVATE attend_test_warnings attend_static)
endfunction()

# The time limit holds for a slow machine under a sanitizer; a healthy test takes
# well under a second.
function(attend_add_test name label)
    add_test(NAME ${name} ${ARGN})
    set(limit 600)
    if(ATTEND_SANITIZE MATCHES "thread|memory")
        set(limit 3600) # ten times slower, and trainings wait for each other's threads
    endif()
    set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${limit})
    if(ATTEND_SANITIZE)
        # A refused allocation is a NULL to be handled, as it is without the sanitizer.
        set(options "allocator_may_return_null=1")
        set_tests_properties(
            ${name}
            PROPERTIES ENVIRONMENT
                       "ASAN_OPTIONS=${options}:detect_stack_use_after_return=1;\
MSAN_OPTIONS=${options};TSAN_OPTIONS=${options}:halt_on_error=1;\
UBSAN_OPTIONS=print_stacktrace=1")
    endif()
endfunction()

function(attend_cmocka_tests label)
    foreach(file IN LISTS ARGN)
        get_filename_component(stem "${file}" NAME_WE)
        file(RELATIVE_PATH rel "${ATTEND_DIR}/tests" "${file}")
        string(REGEX REPLACE "\\.c$" "" rel "${rel}")
        attend_inside_program(${stem} "${file}")
        target_link_libraries(${stem} PRIVATE attend_support PkgConfig::CMOCKA)
        set_target_properties(
            ${stem} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests/${label}")
        attend_add_test(${rel} ${label} COMMAND ${stem})
        set_tests_properties(${rel} PROPERTIES WORKING_DIRECTORY "${ATTEND_DIR}")
    endforeach()
endfunction()

function(attend_header_tests)
    file(GLOB headers CONFIGURE_DEPENDS RELATIVE "${ATTEND_DIR}/include"
         "${ATTEND_DIR}/include/attend/*.h")
    list(APPEND headers attend/version.h)
    foreach(ext c cpp)
        set(sources "")
        foreach(header IN LISTS headers)
            string(MAKE_C_IDENTIFIER "${header}" id)
            set(path "${CMAKE_CURRENT_BINARY_DIR}/generated/headers/${id}_alone.${ext}")
            # Twice: the guard works. The type keeps the unit from being empty.
            file(CONFIGURE OUTPUT "${path}" CONTENT "#include \"${header}\"
#include \"${header}\"
typedef int ${id}_stands_alone;
")
            list(APPEND sources "${path}")
        endforeach()
        set(target headers_${ext})
        add_library(${target} OBJECT ${sources})
        target_include_directories(${target} PRIVATE "${ATTEND_DIR}/include"
                                                     "${ATTEND_GENERATED}/include")
        target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Werror)
    endforeach()
    set_target_properties(headers_c PROPERTIES C_STANDARD 99)
    set_target_properties(headers_cpp PROPERTIES CXX_STANDARD 11)
    foreach(ext c cpp)
        if(EXISTS "${ATTEND_DIR}/tests/headers/use_attend.${ext}" AND ATTEND_SHARED)
            add_executable(use_attend_${ext} tests/headers/use_attend.${ext})
            target_link_libraries(use_attend_${ext} PRIVATE attend_shared)
            target_compile_options(use_attend_${ext} PRIVATE -Wall -Wextra -Wpedantic
                                                             -Werror)
            attend_add_test(headers/use_attend_${ext} headers COMMAND use_attend_${ext})
        endif()
    endforeach()
    if(TARGET use_attend_c)
        set_target_properties(use_attend_c PROPERTIES C_STANDARD 99)
    endif()
    if(TARGET use_attend_cpp)
        set_target_properties(use_attend_cpp PROPERTIES CXX_STANDARD 11)
    endif()
endfunction()

if(NOT ATTEND_TESTS STREQUAL "OFF")
    enable_testing()
    file(GLOB support_sources CONFIGURE_DEPENDS tests/support/*.c)
    attend_isa_test_sources(${support_sources})
    if(CMOCKA_FOUND AND support_sources)
        add_library(attend_support STATIC ${support_sources})
        target_include_directories(
            attend_support PUBLIC tests/support PRIVATE src "${ATTEND_GENERATED}/src")
        target_compile_definitions(
            attend_support PRIVATE ATTEND_SOURCE_DIR="${ATTEND_DIR}")
        target_link_libraries(attend_support PUBLIC attend_static PkgConfig::CMOCKA
                              PRIVATE attend_test_warnings)
        file(GLOB_RECURSE unit_tests CONFIGURE_DEPENDS tests/unit/test_*.c)
        attend_cmocka_tests(unit ${unit_tests})
        foreach(label grad kernels fault)
            file(GLOB ${label}_tests CONFIGURE_DEPENDS tests/${label}/test_*.c)
            attend_cmocka_tests(${label} ${${label}_tests})
        endforeach()
        # It puts tables of its own in the place of the processor's.
        target_link_options(test_bf16_precision PRIVATE "LINKER:--wrap=atti_bf16")
    else()
        message(STATUS "cmocka not found: unit tests are left out")
    endif()

    include(CheckLanguage)
    check_language(CXX)
    if(CMAKE_CXX_COMPILER)
        enable_language(CXX)
        attend_header_tests()
    else()
        message(STATUS "no C++ compiler: header tests are left out")
    endif()

    if(TARGET attend_program)
        file(GLOB_RECURSE cli_tests CONFIGURE_DEPENDS tests/cli/*.sh)
        foreach(file IN LISTS cli_tests)
            file(RELATIVE_PATH rel "${ATTEND_DIR}/tests" "${file}")
            if(rel STREQUAL "cli/run.sh" OR rel MATCHES "\\.(inc|lib)\\.sh$")
                continue()
            endif()
            string(REGEX REPLACE "\\.sh$" "" rel "${rel}")
            attend_add_test(${rel} cli COMMAND "${ATTEND_DIR}/tests/cli/run.sh" --program
                            $<TARGET_FILE:attend_program> "${file}")
            set_tests_properties(${rel} PROPERTIES SKIP_RETURN_CODE 77)
        endforeach()
    endif()
endif()

# --- fuzz targets: a libFuzzer program under clang, else a replayer of the corpus ----

if(ATTEND_FUZZ OR NOT ATTEND_TESTS STREQUAL "OFF")
    file(GLOB fuzz_sources CONFIGURE_DEPENDS tests/fuzz/fuzz_*.c)
    foreach(file IN LISTS fuzz_sources)
        get_filename_component(stem "${file}" NAME_WE)
        string(REGEX REPLACE "^fuzz_" "" format "${stem}")
        if(ATTEND_FUZZ)
            attend_inside_program(${stem} "${file}")
            target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
        else()
            attend_inside_program(${stem} "${file}" tests/fuzz/standalone_driver.c)
            attend_add_test(fuzz/${format} fuzz COMMAND
                            ${stem} "${ATTEND_DIR}/tests/fuzz/corpora/${format}")
        endif()
        set_target_properties(
            ${stem} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests/fuzz")
    endforeach()
endif()

# --- examples: public headers only, run by ctest -------------------------------------

file(GLOB example_sources CONFIGURE_DEPENDS examples/*.c)
foreach(file IN LISTS example_sources)
    get_filename_component(stem "${file}" NAME_WE)
    add_executable(example_${stem} "${file}")
    target_link_libraries(example_${stem} PRIVATE attend_test_warnings attend_static)
    set_target_properties(
        example_${stem} PROPERTIES OUTPUT_NAME ${stem} RUNTIME_OUTPUT_DIRECTORY
                                                       "${CMAKE_BINARY_DIR}/examples")
    if(NOT ATTEND_TESTS STREQUAL "OFF")
        # <name>.sh beside the source prepares arguments; EXAMPLE is the program.
        if(EXISTS "${ATTEND_DIR}/examples/${stem}.sh")
            attend_add_test(examples/${stem} examples COMMAND sh
                            "${ATTEND_DIR}/examples/${stem}.sh")
        else()
            attend_add_test(examples/${stem} examples COMMAND example_${stem})
        endif()
        set(env_ "EXAMPLE=$<TARGET_FILE:example_${stem}>")
        if(TARGET attend_program)
            list(APPEND env_ "ATTEND=$<TARGET_FILE:attend_program>")
        endif()
        set_property(TEST examples/${stem} APPEND PROPERTY ENVIRONMENT "${env_}")
        set_tests_properties(
            examples/${stem} PROPERTIES WORKING_DIRECTORY "${CMAKE_BINARY_DIR}/examples"
                                        SKIP_RETURN_CODE 77)
        file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/examples")
    endif()
endforeach()

# --- benchmarks ------------------------------------------------------------------------

file(GLOB bench_sources CONFIGURE_DEPENDS bench/bench_*.c)
file(GLOB bench_shared CONFIGURE_DEPENDS bench/*_measure.c)
add_custom_target(bench)
foreach(file IN LISTS bench_sources)
    get_filename_component(stem "${file}" NAME_WE)
    attend_inside_program(${stem} "${file}" ${bench_shared})
    set_target_properties(
        ${stem} PROPERTIES EXCLUDE_FROM_ALL ON RUNTIME_OUTPUT_DIRECTORY
                                               "${CMAKE_BINARY_DIR}/bench")
    add_dependencies(bench ${stem})
endforeach()
