# The project's VERSION is that of docs/changelog.md's first section and of the site that docs/Doxyfile makes:
#   cmake -DSOURCE=<this repository> -DVERSION=<version> -P version_test.cmake
cmake_minimum_required(VERSION 3.22)

file(STRINGS ${SOURCE}/docs/changelog.md sections REGEX "^## ")
list(GET sections 0 newest)
if(NOT newest MATCHES "^## ([0-9]+\\.[0-9]+\\.[0-9]+), (in preparation|[0-9]+-[0-9]+-[0-9]+)$" OR
   NOT CMAKE_MATCH_1 STREQUAL VERSION)
  message(FATAL_ERROR "docs/changelog.md: expected a first section '## ${VERSION}, ' with a date or 'in preparation', "
                      "got '${newest}'")
endif()
file(STRINGS ${SOURCE}/docs/Doxyfile number REGEX "^PROJECT_NUMBER")
if(NOT number MATCHES "= ${VERSION}$")
  message(FATAL_ERROR "docs/Doxyfile: expected PROJECT_NUMBER = ${VERSION}, got '${number}'")
endif()
