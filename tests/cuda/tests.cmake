# The cuda engine, its host side and its kernels unchanged, twice: on a GPU, labelled gpu; and labelled simt on a
# stand-in for the CUDA runtime and cuBLASLt whose streams end in the executor. The stand-in comes before the library and
# the real runtime, so that the linker takes it.
add_library(simt_runtime OBJECT
  simt/runtime/cublas.cpp simt/runtime/device.cpp simt/runtime/memory.cpp simt/runtime/stream.cpp)
target_compile_options(simt_runtime PRIVATE -O2 -g1)
set_target_properties(simt_runtime PROPERTIES SCOREMATCH_OPEN_SWITCHES ON)
target_link_libraries(simt_runtime PRIVATE scorematch_options simt CUDA::cudart CUDA::cublasLt)

# scorematch_stand_in_test(path): path.cpp as simt_<its name>.
function(scorematch_stand_in_test path)
  get_filename_component(name ${path} NAME)
  add_executable(simt_${name} ${path}.cpp $<TARGET_OBJECTS:simt_runtime> $<TARGET_OBJECTS:simt_scorematch_kernels>)
  target_compile_definitions(simt_${name} PRIVATE SCOREMATCH_STAND_IN)
  target_include_directories(simt_${name} PRIVATE ${PROJECT_SOURCE_DIR}/kernels)
  target_link_libraries(simt_${name} PRIVATE scorematch_test_support simt CUDA::cudart CUDA::cublasLt)
  gtest_discover_tests(simt_${name} NO_PRETTY_VALUES TEST_PREFIX simt. ${ARGN}
    PROPERTIES LABELS simt TIMEOUT 600 DISCOVERY_TIMEOUT 60)
endfunction()

# A test's TIMEOUT property overrides ctest --timeout, so the limit is a variable.
set(SCOREMATCH_GPU_TEST_TIMEOUT 600 CACHE STRING "Time limit of each GPU test, in seconds")

# scorematch_gpu_test(target): those of its tests that are the cuda engine's, labelled gpu. `gpu_tests` builds them all.
add_custom_target(gpu_tests)
function(scorematch_gpu_test target)
  gtest_discover_tests(${target} NO_PRETTY_VALUES TEST_PREFIX gpu. ${ARGN}
    PROPERTIES LABELS gpu ENVIRONMENT SCOREMATCH_NEEDS_GPU=1 TIMEOUT ${SCOREMATCH_GPU_TEST_TIMEOUT} DISCOVERY_TIMEOUT 60)
  add_dependencies(gpu_tests ${target})
endfunction()

foreach(name cuda_agreement_test cuda_gemm_test cuda_route_test cuda_split_test cuda_stream_test)
  scorematch_stand_in_test(cuda/${name})
  add_executable(${name} cuda/${name}.cpp)
  target_link_libraries(${name} PRIVATE scorematch_test_support CUDA::cudart CUDA::cublasLt)
  scorematch_gpu_test(${name})
endforeach()

# The golden cases, read as the command reads them.
scorematch_stand_in_test(cuda/cuda_golden_test)
target_sources(simt_cuda_golden_test PRIVATE ${PROJECT_SOURCE_DIR}/src/cli/models/eval_case.cpp)
add_executable(cuda_golden_test cuda/cuda_golden_test.cpp ${PROJECT_SOURCE_DIR}/src/cli/models/eval_case.cpp)
target_link_libraries(cuda_golden_test PRIVATE scorematch_test_support CUDA::cudart CUDA::cublasLt)
scorematch_gpu_test(cuda_golden_test)

# The instructions, a launch each, and the PTX they are compiled to; the fused kernels' products.
foreach(name ptx product)
  add_library(${name}_cases OBJECT cuda/${name}_cases.cu)
  set_target_properties(${name}_cases PROPERTIES CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON)
  target_include_directories(${name}_cases PRIVATE
    ${PROJECT_SOURCE_DIR}/kernels ${PROJECT_SOURCE_DIR}/include ${CMAKE_CURRENT_SOURCE_DIR})
endforeach()
foreach(name ptx_conformance product)
  string(REPLACE _conformance "" cases ${name})
  scorematch_stand_in_test(cuda/${name}_test)
  target_sources(simt_${name}_test PRIVATE $<TARGET_OBJECTS:simt_${cases}_cases>)
  add_executable(${name}_test cuda/${name}_test.cpp $<TARGET_OBJECTS:${cases}_cases>)
  target_include_directories(${name}_test PRIVATE ${PROJECT_SOURCE_DIR}/kernels)
  target_link_libraries(${name}_test PRIVATE scorematch_test_support CUDA::cudart)
  scorematch_gpu_test(${name}_test)
endforeach()
add_test(NAME ptx_golden COMMAND ${CMAKE_COMMAND} -DNVCC=${CMAKE_CUDA_COMPILER} -DSOURCE=${PROJECT_SOURCE_DIR}
  -DWORK=${CMAKE_CURRENT_BINARY_DIR}/ptx_golden -P ${CMAKE_CURRENT_SOURCE_DIR}/cuda/ptx_golden.cmake)
add_test(NAME kernel_counts COMMAND ${CMAKE_COMMAND} -DNVCC=${CMAKE_CUDA_COMPILER} -DSOURCE=${PROJECT_SOURCE_DIR}
  -DWORK=${CMAKE_CURRENT_BINARY_DIR}/kernel_counts -P ${CMAKE_CURRENT_SOURCE_DIR}/cuda/kernel_counts.cmake)
add_test(NAME fused_ptx COMMAND ${CMAKE_COMMAND} -DNVCC=${CMAKE_CUDA_COMPILER} -DSOURCE=${PROJECT_SOURCE_DIR}
  -DWORK=${CMAKE_CURRENT_BINARY_DIR}/fused_ptx -P ${CMAKE_CURRENT_SOURCE_DIR}/cuda/fused_ptx.cmake)
set_tests_properties(ptx_golden kernel_counts fused_ptx PROPERTIES LABELS simt)

# cuRAND beside our noise.
if(SCOREMATCH_HAS_CURAND)
  scorematch_test(cuda/curand_test)
  target_link_libraries(curand_test PRIVATE CUDA::cudart CUDA::curand)
  add_library(curand_cases OBJECT cuda/curand_cases.cu)
  set_target_properties(curand_cases PROPERTIES CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON CUDA_ARCHITECTURES 80-virtual)
  target_include_directories(curand_cases PRIVATE ${PROJECT_SOURCE_DIR}/include ${CMAKE_CURRENT_SOURCE_DIR})
  add_executable(curand_device_test cuda/curand_device_test.cpp $<TARGET_OBJECTS:curand_cases>)
  target_link_libraries(curand_device_test PRIVATE scorematch_test_support CUDA::cudart)
  scorematch_gpu_test(curand_device_test)
else()
  scorematch_skipped_test(curand "cuRAND is not installed" gpu)
endif()

# Faults and machines that only the stand-in has; its count of what is enqueued.
foreach(name cuda_fault_test cuda_machine_test cuda_plan_test)
  scorematch_stand_in_test(cuda/${name})
endforeach()

# What holds of every engine holds of this one.
foreach(path IN LISTS scorematch_engine_tests)
  get_filename_component(name ${path} NAME)
  set(filter *cuda*)
  if(name STREQUAL "head_test")
    set(filter *OnEveryEngine*)
  endif()
  scorematch_stand_in_test(${path} TEST_FILTER ${filter})
  scorematch_gpu_test(${name} TEST_FILTER ${filter})
endforeach()

# What every engine refuses. There the tests write to a GPU's memory, as only the stand-in allows.
foreach(name adam head likelihood loss_input loss_output plan prologue sampler score state)
  scorematch_stand_in_test(engines/bad_${name}_test TEST_FILTER */Cuda)
endforeach()
