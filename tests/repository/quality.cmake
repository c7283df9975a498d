# What the command learns by its defaults: the short form of ./dev quality, and the tests of its metrics.

# Debian's Python comes with Debian's NumPy; another Python that precedes it on the path may have none.
find_program(SCOREMATCH_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(SCOREMATCH_PYTHON python3)
mark_as_advanced(SCOREMATCH_PYTHON)
set(reason "python3 is not installed")
if(SCOREMATCH_PYTHON)
  execute_process(COMMAND ${SCOREMATCH_PYTHON} -c "import numpy" RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
  if(status EQUAL 0)
    set(reason "")
  else()
    set(reason "NumPy is not installed (Debian: python3-numpy)")
  endif()
endif()
if(reason)
  scorematch_skipped_test(quality "${reason}" command)
  scorematch_skipped_test(quality_metrics "${reason}" command)
  scorematch_skipped_test(choosing "${reason}" command)
  return()
endif()

# One test per data set, with one thread, so that ctest can run other tests beside them.
if(TARGET scorematch_cli)
  foreach(set circle gaussian-2 mixture-1d)
    scorematch_add_test(quality.${set} slow command ${SCOREMATCH_PYTHON} ${PROJECT_SOURCE_DIR}/bench/quality/quality.py
      --quick --sets ${set} --threads 1 --command $<TARGET_FILE:scorematch_command>
      --out ${CMAKE_CURRENT_BINARY_DIR}/quality/${set})
    set_tests_properties(quality.${set} PROPERTIES ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
  endforeach()
endif()
scorematch_add_test(quality_metrics slow command ${SCOREMATCH_PYTHON} -m unittest discover -s bench/quality)
set_tests_properties(quality_metrics PROPERTIES WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
# The densities whose scores bench/choosing knows.
scorematch_add_test(choosing quick command ${SCOREMATCH_PYTHON} -m unittest discover -s bench/choosing)
set_tests_properties(choosing PROPERTIES WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
