# Language level, warnings, optimisation, sanitizers. No -ffast-math, no -march=native:
# results must not depend on where the library was compiled, and one binary serves every
# processor (instruction sets are chosen per file and at run time, see AttendIsa.cmake).
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")

# -O2 keeps cold code small; kernels get -O3 in AttendIsa.cmake.
foreach(lang C CXX)
    set(CMAKE_${lang}_FLAGS_RELEASE "-O2 -DNDEBUG")
    set(CMAKE_${lang}_FLAGS_RELWITHDEBINFO "-O2 -g -DNDEBUG")
    set(CMAKE_${lang}_FLAGS_DEBUG "-Og -g")
endforeach()

# a*b+c stays two roundings unless a kernel asks for fma by name: the compiler's taste
# must not decide bits.
add_compile_options(-ffp-contract=off -fno-strict-aliasing)
add_compile_options($<$<COMPILE_LANGUAGE:C>:-fno-math-errno>)
add_compile_definitions(_POSIX_C_SOURCE=200809L _DEFAULT_SOURCE _FILE_OFFSET_BITS=64)
if(UNIX AND NOT APPLE)
    add_link_options(-Wl,--as-needed)
endif()

set(ATTEND_ASSERTS_ON FALSE)
if(ATTEND_ASSERTS OR ATTEND_FUZZ OR ATTEND_SANITIZE OR CMAKE_BUILD_TYPE STREQUAL "Debug")
    set(ATTEND_ASSERTS_ON TRUE)
    add_compile_definitions(ATT_ASSERTS)
endif()

if(ATTEND_SANITIZE)
    add_compile_options(-fsanitize=${ATTEND_SANITIZE} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer -g)
    add_link_options(-fsanitize=${ATTEND_SANITIZE})
    if(ATTEND_SANITIZE MATCHES "memory")
        add_compile_options(-fsanitize-memory-track-origins)
    endif()
endif()
if(ATTEND_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "ATTEND_FUZZ needs clang: configure with CC=clang")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

add_library(attend_warnings INTERFACE)
target_compile_options(
    attend_warnings
    INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wundef -Wpointer-arith -Wwrite-strings
              $<$<COMPILE_LANGUAGE:C>:-Wconversion
              -Wno-sign-conversion
              -Wstrict-prototypes
              -Wmissing-prototypes
              -Wvla>)
# Tests and benchmarks: what finds bugs, without the ceremony of conversions.
add_library(attend_test_warnings INTERFACE)
target_compile_options(attend_test_warnings INTERFACE -Wall -Wextra -Wshadow -Wvla
                                                      -Wstrict-prototypes)
if(ATTEND_WERROR)
    target_compile_options(attend_warnings INTERFACE -Werror)
    target_compile_options(attend_test_warnings INTERFACE -Werror)
endif()
