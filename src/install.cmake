# The contents of an installation, how CMake and pkg-config find it, and the Debian package that cpack makes.
include(CMakePackageConfigHelpers)

install(TARGETS scorematch EXPORT scorematch_targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/scorematch DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(FILES ${PROJECT_SOURCE_DIR}/docs/changelog.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# find_package(scorematch)
set(scorematch_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/scorematch)
install(EXPORT scorematch_targets NAMESPACE scorematch:: FILE scorematch-targets.cmake
  DESTINATION ${scorematch_cmake_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/scorematch-config.cmake.in
  ${PROJECT_BINARY_DIR}/scorematch-config.cmake INSTALL_DESTINATION ${scorematch_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/scorematch-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/scorematch-config.cmake ${PROJECT_BINARY_DIR}/scorematch-config-version.cmake
  DESTINATION ${scorematch_cmake_dir})

# pkg-config scorematch. A static library does not record its dependencies, so every program that links it must name
# them. They are given by -l and not by path, so that they come after -lscorematch.
set(files "")
set(libraries "")
if(SCOREMATCH_HAS_CPU)
  list(APPEND files ${SCOREMATCH_HWY_LIBRARY})
endif()
if(SCOREMATCH_HAS_CUDA)
  if(TARGET CUDA::cudart_static)
    list(APPEND files ${CUDA_cudart_static_LIBRARY})
  else()
    list(APPEND files ${CUDA_cudart_LIBRARY})
  endif()
endif()
foreach(library IN LISTS files)
  get_filename_component(folder ${library} DIRECTORY)
  get_filename_component(name ${library} NAME_WE)
  string(REGEX REPLACE "^lib" "-l" name ${name})
  if(NOT folder IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES)
    list(APPEND libraries -L${folder})
  endif()
  list(APPEND libraries ${name})
endforeach()
if(SCOREMATCH_HAS_CUDA)
  list(APPEND libraries -ldl -lrt)
endif()
list(APPEND libraries -pthread -lstdc++ -lm)
list(JOIN libraries " " libraries)
set(scorematch_public_libraries "")
set(scorematch_private_libraries ${libraries})
set(scorematch_run_path " -Wl,-rpath,\${libdir}") # a program finds the shared library where it was at link time
if(NOT BUILD_SHARED_LIBS)
  set(scorematch_public_libraries " ${libraries}")
  set(scorematch_private_libraries "")
  set(scorematch_run_path "")
endif()
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH scorematch_prefix_from_pc /prefix/${pkgconfig_dir} /prefix) # so that it can be moved
string(REGEX REPLACE "/$" "" scorematch_prefix_from_pc ${scorematch_prefix_from_pc})
configure_file(${CMAKE_CURRENT_LIST_DIR}/scorematch.pc.in ${PROJECT_BINARY_DIR}/scorematch.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/scorematch.pc DESTINATION ${pkgconfig_dir})

# cpack -G DEB: library, headers and command in one package, for /usr.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME scorematch)
set(CPACK_PACKAGE_VENDOR scorematch)
set(CPACK_PACKAGE_CONTACT "The scorematch authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGE_DESCRIPTION "Explicit, implicit, denoising and sliced score matching for score nets and energy nets,
with gradients, standard errors, samplers and checkpoints: the library, its headers and the command.")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
if(NOT BUILD_SHARED_LIBS AND SCOREMATCH_HAS_CPU)
  set(CPACK_DEBIAN_PACKAGE_DEPENDS "libhwy-dev") # programs that link the static library link libhwy too
endif()
if(SCOREMATCH_HAS_CUDA) # opened at run time, so no dependency is found; the names of NVIDIA's package and of Debian's
  set(CPACK_DEBIAN_PACKAGE_SUGGESTS
    "libcublas-${CUDAToolkit_VERSION_MAJOR}-${CUDAToolkit_VERSION_MINOR} | libcublaslt${CUDAToolkit_VERSION_MAJOR}")
endif()
include(CPack)
