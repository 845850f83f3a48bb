# Text files that the library carries with it, as arrays of bytes: string literals of
# that length are not C17. Written anew when a file changes.
function(attend_embed out)
    set(text "/* Written by CMake from src/view/page. */\n#include \"view/page.h\"\n")
    foreach(file IN LISTS ARGN)
        get_filename_component(name "${file}" LAST_EXT)
        string(SUBSTRING "${name}" 1 -1 name)
        file(READ "${file}" hex HEX)
        string(LENGTH "${hex}" digits)
        math(EXPR size "${digits} / 2")
        string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
        string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
        string(APPEND text "const unsigned char atti_page_${name}[] = {\n${hex}0};\n"
                           "const size_t atti_page_${name}_size = ${size};\n")
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    endforeach()
    file(CONFIGURE OUTPUT "${out}" CONTENT "${text}" @ONLY)
endfunction()
