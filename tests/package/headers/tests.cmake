# Each public header compiles alone when it is included twice, as C++17 with warnings as errors. Those for Thrust and
# cuRAND need CUDA's headers, and have parts for nvcc only.
set(header_work ${CMAKE_CURRENT_BINARY_DIR}/headers)
set(header_flags -std=c++17 -I${PROJECT_SOURCE_DIR}/include)
set(header_warnings -Wall -Wextra -Wconversion -Wpedantic -Werror)
file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/include/scorematch/*.h)
set(cuda_headers scorematch/curand.h scorematch/thrust.h)
list(REMOVE_ITEM headers ${cuda_headers})

foreach(compiler g++ clang++)
  find_program(SCOREMATCH_HEADER_${compiler} ${compiler})
  mark_as_advanced(SCOREMATCH_HEADER_${compiler})
  if(NOT SCOREMATCH_HEADER_${compiler})
    scorematch_skipped_test(header.${compiler} "${compiler} is not installed" header)
    continue()
  endif()
  foreach(header IN LISTS headers)
    get_filename_component(stem ${header} NAME_WE)
    file(CONFIGURE OUTPUT ${header_work}/${stem}.cpp CONTENT "#include \"${header}\"\n#include \"${header}\"\n")
    scorematch_add_test(header.${stem}.${compiler} full header ${SCOREMATCH_HEADER_${compiler}} ${header_flags} ${header_warnings}
      -fsyntax-only ${header_work}/${stem}.cpp)
  endforeach()
endforeach()

# The headers of the C interface also compile as C99 and C11.
file(GLOB c_headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/include
  ${PROJECT_SOURCE_DIR}/include/scorematch/scorematch_c*.h)
foreach(compiler gcc clang)
  find_program(SCOREMATCH_HEADER_${compiler} ${compiler})
  mark_as_advanced(SCOREMATCH_HEADER_${compiler})
  if(NOT SCOREMATCH_HEADER_${compiler})
    scorematch_skipped_test(header.c.${compiler} "${compiler} is not installed" header)
    continue()
  endif()
  foreach(header IN LISTS c_headers)
    get_filename_component(stem ${header} NAME_WE)
    file(CONFIGURE OUTPUT ${header_work}/${stem}.c CONTENT "#include \"${header}\"\n#include \"${header}\"\n")
    foreach(standard c99 c11)
      scorematch_add_test(header.${stem}.${standard}.${compiler} full header ${SCOREMATCH_HEADER_${compiler}} -std=${standard}
        -I${PROJECT_SOURCE_DIR}/include ${header_warnings} -fsyntax-only ${header_work}/${stem}.c)
    endforeach()
  endforeach()
endforeach()

# philox.h also compiles for the device, if there is a CUDA toolkit.
find_program(SCOREMATCH_NVCC nvcc HINTS ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
mark_as_advanced(SCOREMATCH_NVCC)
if(SCOREMATCH_NVCC)
  scorematch_add_test(header.philox.nvcc full header ${SCOREMATCH_NVCC} ${header_flags} -Xcompiler=-Wall,-Wextra
    -Werror all-warnings -c ${PROJECT_SOURCE_DIR}/tests/package/headers/philox.cu -o ${header_work}/philox.o)
  get_filename_component(folder ${SCOREMATCH_NVCC} DIRECTORY)
  foreach(header IN LISTS cuda_headers)
    get_filename_component(stem ${header} NAME_WE)
    find_path(SCOREMATCH_HEADER_OF_${stem} NAMES ${stem}.h ${stem}/universal_vector.h
      HINTS ${folder}/../include PATH_SUFFIXES cccl)
    mark_as_advanced(SCOREMATCH_HEADER_OF_${stem})
    if(NOT SCOREMATCH_HEADER_OF_${stem})
      scorematch_skipped_test(header.${stem}.nvcc "${stem} is not installed" header)
      continue()
    endif()
    file(CONFIGURE OUTPUT ${header_work}/${stem}.cu CONTENT "#include \"${header}\"\n#include \"${header}\"\n")
    scorematch_add_test(header.${stem}.nvcc full header ${SCOREMATCH_NVCC} ${header_flags} -arch=compute_80
      -Xcompiler=-Wall,-Wextra -Werror all-warnings -c ${header_work}/${stem}.cu -o ${header_work}/${stem}.o)
    if(NOT SCOREMATCH_HEADER_g++)
      continue() # reported above
    endif()
    file(CONFIGURE OUTPUT ${header_work}/${stem}.cpp CONTENT "#include \"${header}\"\n#include \"${header}\"\n")
    scorematch_add_test(header.${stem}.g++ full header ${SCOREMATCH_HEADER_g++} ${header_flags} ${header_warnings}
      -isystem ${folder}/../include -isystem ${SCOREMATCH_HEADER_OF_${stem}} -fsyntax-only ${header_work}/${stem}.cpp)
  endforeach()
else()
  scorematch_skipped_test(header.philox.nvcc "there is no CUDA toolkit" header)
endif()
