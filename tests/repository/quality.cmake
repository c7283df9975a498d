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
  return()
endif()

if(TARGET scorematch_cli)
  scorematch_add_test(quality slow command ${SCOREMATCH_PYTHON} ${PROJECT_SOURCE_DIR}/bench/quality/quality.py --quick
    --command $<TARGET_FILE:scorematch_command> --out ${CMAKE_CURRENT_BINARY_DIR}/quality)
  set_tests_properties(quality PROPERTIES PROCESSORS 2 ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
endif()
scorematch_add_test(quality_metrics slow command ${SCOREMATCH_PYTHON} -m unittest discover -s bench/quality)
set_tests_properties(quality_metrics PROPERTIES WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
