# Functions that declare tests. Each test has a label for what it needs (cpu, simt, gpu, ptx, ...) and one for its tier,
# which limits its CPU time:
#   quick  ./dev test    10 s
#   full   ./dev check   60 s
#   slow   ./dev check  600 s
# The wall-clock limit is only for tests that hang, so that a busy machine does not fail a test.
set(scorematch_too_slow "run_within: the test is too slow" CACHE INTERNAL "")

add_executable(run_within ${CMAKE_CURRENT_SOURCE_DIR}/run_within.cpp)
target_link_libraries(run_within PRIVATE scorematch_options)

# The programs of the tests of tier quick; the other tests take `all`.
add_custom_target(quick_tests)
add_dependencies(quick_tests run_within)
# The programs that ./dev check builds with nvcc: for tests with the labels bench, consumer, gpu, nvcc and ptx.
add_custom_target(check_tests)
add_dependencies(check_tests run_within scorematch)

# scorematch_add_test(name tier labels command...)
function(scorematch_add_test name tier labels)
  set(limits quick 10 full 60 slow 600)
  list(FIND limits ${tier} at)
  math(EXPR at "${at} + 1")
  list(GET limits ${at} limit)
  set(cost ${limit}) # ctest begins with the tests that take longest, so that no processor waits in the end
  if(SCOREMATCH_SANITIZE OR CMAKE_CROSSCOMPILING) # an emulator takes ten times as long and more
    set(limit 600)
  endif()
  add_test(NAME ${name} COMMAND run_within ${limit} ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS "${labels};${tier}" TIMEOUT 1500 SKIP_RETURN_CODE 77 COST ${cost}
    FAIL_REGULAR_EXPRESSION "${scorematch_too_slow}")
endfunction()

# scorematch_skipped_test(name reason label): a test that cannot run here is reported as skipped, never as passed.
function(scorematch_skipped_test name reason label)
  add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -E echo "skipped: ${reason}")
  set_tests_properties(${name} PROPERTIES LABELS "${label};quick" SKIP_REGULAR_EXPRESSION "^skipped: ")
endfunction()

# scorematch_precompile(target): with the headers that most tests include, which take half of a test's compilation. They
# are compiled once for all programs.
function(scorematch_precompile target)
  if(NOT SCOREMATCH_PRECOMPILED_HEADERS)
    return()
  endif()
  get_target_property(is_optimized ${target} SCOREMATCH_OPTIMIZED)
  set(headers test_headers)
  if(is_optimized)
    set(headers optimized_test_headers)
  endif()
  if(NOT TARGET ${headers})
    add_library(${headers} OBJECT ${PROJECT_SOURCE_DIR}/tests/main.cpp)
    set_target_properties(${headers} PROPERTIES SCOREMATCH_OPTIMIZED ${is_optimized})
    target_link_libraries(${headers} PRIVATE scorematch_test_support)
    target_include_directories(${headers} PRIVATE ${PROJECT_SOURCE_DIR}/include)
    target_precompile_headers(${headers} PRIVATE
      <gtest/gtest.h> <algorithm> <cmath> <fstream> <functional> <map> <memory> <optional> <random> <sstream> <string>
      <vector> ${PROJECT_SOURCE_DIR}/include/scorematch/scorematch.h)
  endif()
  target_precompile_headers(${target} REUSE_FROM ${headers})
endfunction()

# scorematch_test_program(name source...): one program of many test files. ./dev test does not build the programs full_*.
function(scorematch_test_program name)
  add_executable(${name} ${PROJECT_SOURCE_DIR}/tests/main.cpp ${ARGN})
  target_link_libraries(${name} PRIVATE scorematch_test_support)
  scorematch_precompile(${name})
  if(NOT name MATCHES "^full_")
    add_dependencies(quick_tests ${name})
  endif()
endfunction()

# scorematch_optimized_tests(source...): test files that compute for a long time themselves. Precompiled headers are not
# optimized, so these files do without.
function(scorematch_optimized_tests)
  set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS -O1)
  set_property(SOURCE ${ARGN} PROPERTY SKIP_PRECOMPILE_HEADERS ON)
endfunction()

# scorematch_long_file_test(program name [LABEL label] [PREFIX prefix] [ENVIRONMENT setting...] QUICK option...
#   [FULL option...]): the tests of a file that takes long. The options QUICK select the quick ones; the test full.<name>
# runs all of them, or those of the options FULL.
function(scorematch_long_file_test program name)
  cmake_parse_arguments(with "" "LABEL;PREFIX" "QUICK;FULL;ENVIRONMENT" ${ARGN})
  scorematch_file_tests(${program} FILES ${name} LABEL ${with_LABEL} PREFIX "${with_PREFIX}"
    OPTIONS ${with_FULL} ${with_QUICK} ENVIRONMENT ${with_ENVIRONMENT})
  scorematch_file_tests(${program} FILES ${name} LABEL ${with_LABEL} PREFIX "full.${with_PREFIX}" TIER full
    OPTIONS ${with_FULL} ENVIRONMENT ${with_ENVIRONMENT})
endfunction()

# scorematch_file_tests(program [TIER tier] [LABEL label] [PREFIX prefix] [OPTIONS option...] [ENVIRONMENT setting...]
#   FILES name...): one test of ctest, in its own process, for the tests of each file.
function(scorematch_file_tests program)
  cmake_parse_arguments(with "" "TIER;LABEL;PREFIX" "OPTIONS;ENVIRONMENT;FILES" ${ARGN})
  if(NOT with_TIER)
    set(with_TIER quick)
  endif()
  if(NOT with_LABEL)
    set(with_LABEL cpu)
  endif()
  foreach(file IN LISTS with_FILES)
    get_filename_component(name ${file} NAME)
    # CMake runs run_within by the emulator, if there is one, but not what run_within starts.
    scorematch_add_test(${with_PREFIX}${name} ${with_TIER} ${with_LABEL} ${CMAKE_CROSSCOMPILING_EMULATOR}
      $<TARGET_FILE:${program}> --file=${name} ${with_OPTIONS})
    if(with_ENVIRONMENT)
      set_tests_properties(${with_PREFIX}${name} PROPERTIES ENVIRONMENT "${with_ENVIRONMENT}")
    endif()
  endforeach()
endfunction()
