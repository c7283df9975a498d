# What holds for the whole repository: the format of the sources, documentation without warnings, style, and what is said
# about GPUs.
add_test(NAME format COMMAND ${PROJECT_SOURCE_DIR}/dev format --check)
set_tests_properties(format PROPERTIES LABELS repository SKIP_RETURN_CODE 77 TIMEOUT 300)

find_program(SCOREMATCH_DOXYGEN doxygen)
mark_as_advanced(SCOREMATCH_DOXYGEN)
if(SCOREMATCH_DOXYGEN)
  add_test(NAME docs COMMAND sh -c "{ cat docs/Doxyfile; echo OUTPUT_DIRECTORY = '${CMAKE_CURRENT_BINARY_DIR}/docs'; } | \
'${SCOREMATCH_DOXYGEN}' -" WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(docs PROPERTIES LABELS repository TIMEOUT 300)
else()
  scorematch_skipped_test(docs "doxygen is not installed" repository)
endif()

# The include graph; see the layers in the script.
find_package(Python3 3.10 COMPONENTS Interpreter)
if(Python3_FOUND)
  add_test(NAME include_graph
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/repository/include_graph.py ${PROJECT_SOURCE_DIR})
  set_tests_properties(include_graph PROPERTIES LABELS repository)
else()
  scorematch_skipped_test(include_graph "Python 3.10 is not installed" repository)
endif()

add_test(NAME gpu_statement
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -P ${CMAKE_CURRENT_SOURCE_DIR}/repository/gpu_statement.cmake)
set_tests_properties(gpu_statement PROPERTIES LABELS repository)
add_test(NAME gpu_statement_script COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR}
  -DWORK=${CMAKE_CURRENT_BINARY_DIR}/gpu_statement -P ${CMAKE_CURRENT_SOURCE_DIR}/repository/gpu_statement_test.cmake)
set_tests_properties(gpu_statement_script PROPERTIES LABELS repository)
add_test(NAME gpu_stages COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/repository/gpu_stages_test.sh ${CMAKE_COMMAND} ${CMAKE_CTEST_COMMAND}
  ${CMAKE_CURRENT_BINARY_DIR}/gpu_stages)
set_tests_properties(gpu_stages PROPERTIES LABELS repository TIMEOUT 300)

# The language of documents, comments and messages; and the performance page says what bench/results has.
find_package(Python3 3.10 COMPONENTS Interpreter)
if(Python3_FOUND)
  add_test(NAME style COMMAND ${Python3_EXECUTABLE} tests/repository/style_test.py WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(style PROPERTIES LABELS repository)
  add_test(NAME report COMMAND ${Python3_EXECUTABLE} -m unittest discover -s bench/report
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  add_test(NAME report_is_current COMMAND ${Python3_EXECUTABLE} bench/report/report.py bench/results
    --markdown docs/performance.md --plots docs/plots --check WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(report report_is_current PROPERTIES LABELS repository ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
else()
  scorematch_skipped_test(style "Python 3.10 is not installed" repository)
  scorematch_skipped_test(report "Python 3.10 is not installed" repository)
endif()

# The version that is built heads the changelog, and the site names it.
add_test(NAME version COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DVERSION=${PROJECT_VERSION}
  -P ${CMAKE_CURRENT_SOURCE_DIR}/repository/version_test.cmake)
set_tests_properties(version PROPERTIES LABELS repository)
