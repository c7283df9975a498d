# Compares what the main kernels execute with tests/cuda/instruction_counts.txt: PTX instructions executed per warp, by
# class, as the mean over the blocks of a kernel. A change that moves the counts justifies it in its commit message and
# regenerates the table:
#     [-DUPDATE=ON] -P instruction_counts.cmake
cmake_minimum_required(VERSION 3.22)
set(golden ${SOURCE}/tests/cuda/instruction_counts.txt)
file(MAKE_DIRECTORY ${WORK})
execute_process(COMMAND ${NVCC} --version OUTPUT_VARIABLE version COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCH "release [0-9.]+" version "${version}")
if(NOT UPDATE)
  file(STRINGS ${golden} of LIMIT_COUNT 1)
  string(REGEX MATCH "release [0-9.]+" of "${of}")
  if(NOT of STREQUAL version)
    message("skipped: the table is for nvcc ${of}, this is ${version}")
    return()
  endif()
endif()

execute_process(COMMAND ${CMAKE_COMMAND} -E env LD_LIBRARY_PATH=${LIBRARIES} SCOREMATCH_PTX_COUNTS=${WORK}/counts.txt ${PROGRAM}
  COMMAND_ERROR_IS_FATAL ANY)
file(READ ${WORK}/counts.txt counts)
set(table "nvcc ${version}, compute_90a, networks 8-64-64-8 (narrow losses: 2-64-64-64-2), 256 samples, four multiprocessors; per block\n${counts}")
if(UPDATE)
  file(WRITE ${golden} "${table}")
endif()
file(READ ${golden} expected)
if(NOT table STREQUAL expected)
  message(FATAL_ERROR "expected (${golden}; -DUPDATE=ON regenerates it)\n${expected}\ngot\n${table}")
endif()
