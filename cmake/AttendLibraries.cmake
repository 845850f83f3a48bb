# Optional libraries: one row each, one switch each (ATTEND_WITH_X = AUTO, ON, OFF).
# AUTO uses what is there, ON fails where it is absent, OFF never looks. What is used
# becomes `#define ATTI_HAVE_X 1` in the generated atti_config.h and a link flag of the
# interface target attend_libraries.
find_package(PkgConfig QUIET)
find_package(Threads REQUIRED)
add_library(attend_libraries INTERFACE)
target_link_libraries(attend_libraries INTERFACE Threads::Threads m)
set(ATTEND_LIBRARY_ROWS "")
set(ATTEND_PC_LIBS "-lm -pthread")

# attend_library(NAME <kind> <what> ...): a row of the table. Kinds:
#   PKG <module>             pkg-config
#   FIND <header> <lib>...   a header and libraries in the usual places
#   MPI | OPENMP             CMake's own module
macro(attend_library name kind)
    set(ATTEND_WITH_${name} AUTO CACHE STRING "Use ${name}: AUTO, ON or OFF")
    set_property(CACHE ATTEND_WITH_${name} PROPERTY STRINGS AUTO ON OFF)
    list(APPEND ATTEND_LIBRARY_ROWS ${name})
    set(ATTI_HAVE_${name} FALSE)
    set(ATTEND_NOTE_${name} "off")
    if(NOT ATTEND_WITH_${name} STREQUAL "OFF")
        cmake_language(CALL attend_find_${kind} ${name} ${ARGN})
        if(ATTI_HAVE_${name})
            target_link_libraries(attend_libraries INTERFACE attend_lib_${name})
        elseif(NOT ATTEND_WITH_${name} STREQUAL "AUTO")
            message(FATAL_ERROR "ATTEND_WITH_${name} is ON but the library is not there "
                                "(${kind} ${ARGN}). Install its development package or "
                                "configure with -DATTEND_WITH_${name}=AUTO")
        else()
            set(ATTEND_NOTE_${name} "not found")
        endif()
    endif()
endmacro()

macro(attend_find_PKG name module)
    if(PKG_CONFIG_FOUND)
        pkg_check_modules(PC_${name} QUIET IMPORTED_TARGET ${module})
        if(PC_${name}_FOUND)
            add_library(attend_lib_${name} INTERFACE)
            target_link_libraries(attend_lib_${name} INTERFACE PkgConfig::PC_${name})
            string(REPLACE ";" " " pc_flags_ "${PC_${name}_LDFLAGS}")
            string(APPEND ATTEND_PC_LIBS " ${pc_flags_}")
            set(ATTI_HAVE_${name} TRUE)
            set(ATTEND_NOTE_${name} "${PC_${name}_VERSION}")
        endif()
    endif()
endmacro()

macro(attend_find_FIND name header)
    find_path(ATTEND_${name}_INCLUDE ${header})
    set(found_ ${ATTEND_${name}_INCLUDE})
    set(libs_ "")
    foreach(lib_ ${ARGN})
        find_library(ATTEND_${name}_LIB_${lib_} ${lib_})
        mark_as_advanced(ATTEND_${name}_LIB_${lib_})
        if(NOT ATTEND_${name}_LIB_${lib_})
            set(found_ FALSE)
        endif()
        list(APPEND libs_ "${ATTEND_${name}_LIB_${lib_}}")
    endforeach()
    mark_as_advanced(ATTEND_${name}_INCLUDE)
    if(found_)
        add_library(attend_lib_${name} INTERFACE)
        target_include_directories(attend_lib_${name} SYSTEM
                                   INTERFACE "${ATTEND_${name}_INCLUDE}")
        target_link_libraries(attend_lib_${name} INTERFACE ${libs_})
        foreach(lib_ ${ARGN})
            string(APPEND ATTEND_PC_LIBS " -l${lib_}")
        endforeach()
        set(ATTI_HAVE_${name} TRUE)
        set(ATTEND_NOTE_${name} "found")
    endif()
endmacro()

macro(attend_find_OPENMP name)
    find_package(OpenMP QUIET COMPONENTS C)
    if(OpenMP_C_FOUND)
        add_library(attend_lib_${name} INTERFACE)
        target_link_libraries(attend_lib_${name} INTERFACE OpenMP::OpenMP_C)
        string(APPEND ATTEND_PC_LIBS " ${OpenMP_C_FLAGS}")
        set(ATTI_HAVE_${name} TRUE)
        set(ATTEND_NOTE_${name} "${OpenMP_C_VERSION}")
    endif()
endmacro()

macro(attend_find_MPI name)
    find_package(MPI QUIET COMPONENTS C)
    if(MPI_C_FOUND)
        add_library(attend_lib_${name} INTERFACE)
        target_link_libraries(attend_lib_${name} INTERFACE MPI::MPI_C)
        set(ATTI_HAVE_${name} TRUE)
        set(ATTEND_NOTE_${name} "${MPI_C_VERSION}")
    endif()
endmacro()

# --- threads come first: OpenMP is only one of three backends ------------------------
# AUTO is our own pool of threads; OpenMP, where it is there, is then used for one thing:
# to tell oneDNN that it computes alone.

if(ATTEND_THREADS STREQUAL "PTHREAD" OR ATTEND_THREADS STREQUAL "SERIAL")
    set(ATTEND_WITH_OPENMP OFF CACHE STRING "Use OPENMP: AUTO, ON or OFF" FORCE)
elseif(ATTEND_THREADS STREQUAL "OPENMP")
    set(ATTEND_WITH_OPENMP ON CACHE STRING "Use OPENMP: AUTO, ON or OFF" FORCE)
elseif(ATTEND_SANITIZE MATCHES "thread|memory")
    # OpenMP's runtime is not instrumented: its barriers look like races.
    set(ATTEND_WITH_OPENMP OFF CACHE STRING "Use OPENMP: AUTO, ON or OFF" FORCE)
endif()

# --- the table -----------------------------------------------------------------------
# A row is added when a source file needs the library, so that nothing is linked for
# nothing; the room it belongs to is named in ARCHITECTURE.md.

attend_library(OPENMP OPENMP)
attend_library(ONEDNN FIND dnnl.h dnnl)
attend_library(SENTENCEPIECE PKG sentencepiece)
attend_library(JANSSON PKG jansson)
attend_library(UTF8PROC PKG libutf8proc)
attend_library(CAIRO PKG cairo-ft)
attend_library(FONTCONFIG PKG fontconfig)
# Rows for rooms that are not built yet are ready to be taken in:
#   PNG PKG libpng · ZLIB PKG zlib · JPEG PKG libjpeg
#   SNDFILE PKG sndfile · KISSFFT PKG kissfft-float · MICROHTTPD PKG libmicrohttpd
#   MPI MPI

if(ATTEND_THREADS STREQUAL "OPENMP")
    set(ATTEND_THREADS_USED openmp)
elseif(ATTEND_THREADS STREQUAL "SERIAL")
    set(ATTEND_THREADS_USED serial)
else()
    set(ATTEND_THREADS_USED pthread)
endif()

if(ATTI_HAVE_ONEDNN)
    # v2 and v3 differ in their C interface; the source file is told which it has.
    foreach(file_ dnnl_version.h oneapi/dnnl/dnnl_version.h)
        if(EXISTS "${ATTEND_ONEDNN_INCLUDE}/${file_}")
            file(READ "${ATTEND_ONEDNN_INCLUDE}/${file_}" text_)
            if(text_ MATCHES "#define DNNL_VERSION_MAJOR +([0-9]+)")
                set(ATTEND_ONEDNN_MAJOR ${CMAKE_MATCH_1})
                string(REGEX MATCH "#define DNNL_VERSION_MINOR +([0-9]+)" _ "${text_}")
                set(ATTEND_NOTE_ONEDNN "${ATTEND_ONEDNN_MAJOR}.${CMAKE_MATCH_1}")
            endif()
        endif()
    endforeach()
endif()

if(ATTI_HAVE_SENTENCEPIECE)
    include(CheckLanguage)
    check_language(CXX)
    if(CMAKE_CXX_COMPILER)
        enable_language(CXX)
    elseif(ATTEND_WITH_SENTENCEPIECE STREQUAL "ON")
        message(FATAL_ERROR "ATTEND_WITH_SENTENCEPIECE is ON but there is no C++ compiler")
    else()
        set(ATTI_HAVE_SENTENCEPIECE FALSE)
        set(ATTEND_NOTE_SENTENCEPIECE "found, but no C++ compiler")
    endif()
endif()

# Writes the header that src/ sees: what was found, and how this build was made (for
# `attend info`).
function(attend_write_config path)
    set(text "/* atti_config.h - written by CMake: what this build has. */\n")
    string(APPEND text "#ifndef ATTI_CONFIG_H\n#define ATTI_CONFIG_H\n\n")
    foreach(name IN LISTS ATTEND_LIBRARY_ROWS)
        if(ATTI_HAVE_${name})
            string(APPEND text "#define ATTI_HAVE_${name} 1\n")
        else()
            string(APPEND text "/* ATTI_HAVE_${name}: ${ATTEND_NOTE_${name}} */\n")
        endif()
    endforeach()
    if(ATTI_HAVE_ONEDNN)
        string(APPEND text "#define ATTI_ONEDNN_MAJOR ${ATTEND_ONEDNN_MAJOR}\n")
    endif()
    foreach(isa IN LISTS ATTEND_ISA_BUILT)
        string(TOUPPER ${isa} upper)
        string(APPEND text "#define ATTI_ISA_${upper} 1\n")
    endforeach()
    string(TOUPPER ${ATTEND_THREADS_USED} team)
    string(APPEND text "#define ATTEND_THREADS_${team} 1\n")
    set(flags "${CMAKE_BUILD_TYPE}")
    if(ATTEND_SANITIZE)
        string(APPEND flags ", ${ATTEND_SANITIZE}")
    endif()
    if(ATTEND_ASSERTS_ON)
        string(APPEND flags ", asserts")
    endif()
    set(compiler "${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}")
    string(APPEND text "#define ATTI_BUILD_THREADS \"${ATTEND_THREADS_USED}\"\n")
    string(APPEND text "#define ATTI_BUILD_COMPILER \"${compiler}\"\n")
    string(APPEND text "#define ATTI_BUILD_TYPE \"${flags}\"\n")
    string(APPEND text "#define ATTI_BUILD_SYSTEM \"${CMAKE_SYSTEM_NAME} ")
    string(APPEND text "${CMAKE_SYSTEM_PROCESSOR}\"\n\n#endif\n")
    file(CONFIGURE OUTPUT "${path}" CONTENT "${text}" @ONLY)
endfunction()

function(attend_print_summary)
    message(STATUS "attend ${PROJECT_VERSION} (${CMAKE_BUILD_TYPE}"
                   ", threads: ${ATTEND_THREADS_USED}, isa: ${ATTEND_ISA_BUILT})")
    foreach(name IN LISTS ATTEND_LIBRARY_ROWS)
        message(STATUS "  ${name}: ${ATTEND_NOTE_${name}}")
    endforeach()
endfunction()
