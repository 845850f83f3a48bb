# What `cmake --install` copies: libraries, headers, the program, its man page and
# completions, a pkg-config file and a CMake package (find_package(attend)).
include(CMakePackageConfigHelpers)

install(DIRECTORY include/attend DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.h")
install(FILES "${ATTEND_GENERATED}/include/attend/version.h"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/attend")
if(TARGET attend_program)
    install(TARGETS attend_program RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
install(TARGETS ${ATTEND_LIBRARY_TARGETS}
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")

file(GLOB man_pages CONFIGURE_DEPENDS docs/*.1 docs/man/*.1)
install(FILES ${man_pages} DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
foreach(row "attend.bash:bash-completion/completions:attend"
            "_attend:zsh/site-functions:_attend"
            "attend.fish:fish/vendor_completions.d:attend.fish")
    string(REPLACE ":" ";" row "${row}")
    list(GET row 0 file_)
    list(GET row 1 dir_)
    list(GET row 2 name_)
    if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/docs/completions/${file_}")
        install(FILES "docs/completions/${file_}" RENAME "${name_}"
                DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/${dir_}")
    endif()
endforeach()

# The prefix may be chosen when installing (cmake --install --prefix): the .pc file finds
# it from where it lies itself.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(ATTEND_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
else()
    file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
    string(REGEX REPLACE "/$" "" up "${up}")
    set(ATTEND_PC_PREFIX "\${pcfiledir}/${up}")
endif()
# Paths hang on ${prefix} where they lie under it.
foreach(dir LIBDIR INCLUDEDIR)
    if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
        set(ATTEND_PC_${dir} "${CMAKE_INSTALL_${dir}}")
    else()
        set(ATTEND_PC_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
    endif()
endforeach()
if(ATTI_HAVE_SENTENCEPIECE AND ATTEND_CXX_SOURCES)
    string(APPEND ATTEND_PC_LIBS " -lstdc++")
endif()
configure_file(cmake/attend.pc.in "${ATTEND_GENERATED}/attend.pc" @ONLY)
install(FILES "${ATTEND_GENERATED}/attend.pc"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/attend")
configure_package_config_file(cmake/attendConfig.cmake.in
                              "${ATTEND_GENERATED}/attendConfig.cmake"
                              INSTALL_DESTINATION "${package_dir}"
                              PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file("${ATTEND_GENERATED}/attendConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${ATTEND_GENERATED}/attendConfig.cmake"
              "${ATTEND_GENERATED}/attendConfigVersion.cmake"
        DESTINATION "${package_dir}")
