# Seeds the numbered fault of faults.txt in the kernels of its suite, compiles them to PTX only, and runs the suite on the
# emulator, where it must fail. Without NUMBER: the kernels without a fault, for which both suites must pass.
#   cmake -DNVCC=<nvcc> -DSOURCE=<repository> -DWORK=<folder> -DBIN=<programs> -DLIBRARIES=<stand-ins> [-DNUMBER=<n>]
#     -P fault.cmake
cmake_minimum_required(VERSION 3.22)
set(PtxConformance_program ptx_conformance_test)
set(PtxConformance_kernels ptx_cases)
set(WarpProduct_program product_test)
set(WarpProduct_kernels product_cases)

# run(suite copy): sets `code` and `output` of the suite. Its kernels are compiled with the headers of `copy` first.
function(run suite copy)
  execute_process(COMMAND ${NVCC} -std=c++17 -arch=compute_90 -ptx -I${copy} -I${SOURCE}/kernels -I${SOURCE}/include
    -I${SOURCE}/tests -o ${WORK}/${suite}.ptx ${SOURCE}/tests/cuda/${${suite}_kernels}.cu COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env LD_LIBRARY_PATH=${LIBRARIES} SCOREMATCH_PTX_FILE=${WORK}/${suite}.ptx
    ${BIN}/${${suite}_program} --gtest_filter=${suite}.* RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  set(code ${code} PARENT_SCOPE)
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(MAKE_DIRECTORY ${WORK})
if(NOT NUMBER)
  foreach(suite PtxConformance WarpProduct)
    run(${suite} ${SOURCE}/kernels)
    if(NOT code EQUAL 0 OR output MATCHES "SKIPPED")
      message(FATAL_ERROR "expected ${suite} to pass, got ${code}\n${output}")
    endif()
  endforeach()
  return()
endif()

# The fault. Its text contains semicolons, so it is not read as a list.
file(READ ${CMAKE_CURRENT_LIST_DIR}/faults.txt text)
foreach(skipped RANGE 1 ${NUMBER})
  string(FIND "${text}" "\n== " at)
  if(at EQUAL -1)
    message(FATAL_ERROR "there is no fault ${NUMBER}")
  endif()
  math(EXPR at "${at} + 4")
  string(SUBSTRING "${text}" ${at} -1 text)
endforeach()
if(NOT text MATCHES "^([^ \n]+) ([A-Za-z]+): ([^\n]+)\n- ([^\n]+)\n\\+ ([^\n]+)\n")
  message(FATAL_ERROR "fault ${NUMBER} lacks a line")
endif()
set(file ${CMAKE_MATCH_1})
set(suite ${CMAKE_MATCH_2})
set(what "${CMAKE_MATCH_3}")
set(sound "${CMAKE_MATCH_4}")
set(faulty "${CMAKE_MATCH_5}")

file(READ ${SOURCE}/kernels/${file} text)
string(FIND "${text}" "${sound}" first)
string(FIND "${text}" "${sound}" last REVERSE)
if(first EQUAL -1 OR NOT first EQUAL last)
  message(FATAL_ERROR "expected once in ${file}: ${sound}")
endif()
string(REPLACE "${sound}" "${faulty}" text "${text}")
file(WRITE ${WORK}/${file} "${text}")
run(${suite} ${WORK})

# A failing test must find the fault, or the emulator's own checks. A program that cannot run does not count.
if(code EQUAL 0 OR NOT output MATCHES "FAILED  \\]|FAULT|uninitialized|was not waited for")
  message(FATAL_ERROR "not found: ${what}\nexit ${code}\n${output}")
endif()
string(REGEX MATCHALL "FAILED  \\] [A-Za-z]+\\.[A-Za-z]+ \\(" failed "${output}")
list(TRANSFORM failed REPLACE "FAILED  \\] | \\(" "")
string(REGEX MATCH "emulator: [^\n]*" said "${output}")
list(JOIN failed ", " found)
message(STATUS "${what}: found by ${found}; ${said}")
