# The version is the same in all macros of version.h, in docs/changelog.md's first section and on the site that
# docs/Doxyfile makes:
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
