# The version is the same in all macros of version.h, in docs/changelog.md's first section, on the site that docs/Doxyfile
# makes, and in the recipes of docs/packaging:
#   cmake -DSOURCE=<this repository> -DVERSION=<version> -P version_test.cmake
cmake_minimum_required(VERSION 3.22)

file(STRINGS ${SOURCE}/docs/changelog.md sections REGEX "^## ")
list(GET sections 0 newest)
if(NOT newest MATCHES "^## ([0-9]+\\.[0-9]+\\.[0-9]+), (in preparation|[0-9]+-[0-9]+-[0-9]+)$" OR
   NOT CMAKE_MATCH_1 STREQUAL VERSION)
  message(FATAL_ERROR "docs/changelog.md: expected a first section '## ${VERSION}, ' with a date or 'in preparation', "
                      "got '${newest}'")
endif()
string(REPLACE "." ";" numbers ${VERSION})
set(names MAJOR MINOR PATCH)
file(READ ${SOURCE}/include/scorematch/version.h header)
foreach(name number IN ZIP_LISTS names numbers)
  if(NOT header MATCHES "#define SCOREMATCH_VERSION_${name} ${number}\n")
    message(FATAL_ERROR "include/scorematch/version.h: expected SCOREMATCH_VERSION_${name} to be ${number}")
  endif()
endforeach()
file(STRINGS ${SOURCE}/docs/Doxyfile number REGEX "^PROJECT_NUMBER")
if(NOT number MATCHES "= ${VERSION}$")
  message(FATAL_ERROR "docs/Doxyfile: expected PROJECT_NUMBER = ${VERSION}, got '${number}'")
endif()

# The recipe of Conan reads version.h; vcpkg and Spack take no code here.
set(packaging ${SOURCE}/docs/packaging)
file(READ ${packaging}/vcpkg/scorematch/vcpkg.json manifest)
string(JSON vcpkg_version GET "${manifest}" version)
file(STRINGS ${packaging}/spack/spack_repo/scorematch/packages/scorematch/package.py spack_version REGEX "^ *version\\(")
if(NOT vcpkg_version STREQUAL VERSION)
  message(FATAL_ERROR "docs/packaging/vcpkg: expected version ${VERSION}, got '${vcpkg_version}'")
endif()
if(NOT spack_version STREQUAL "    version(\"${VERSION}\")")
  message(FATAL_ERROR "docs/packaging/spack: expected version(\"${VERSION}\"), got '${spack_version}'")
endif()
