# The library as others meet it: installed, as a subfolder, static, shared; and what a build must refuse.
# Everything is built below this folder of the build tree, by the build's own generator and compiler.
set(consumer_work ${CMAKE_CURRENT_BINARY_DIR}/consumer)
set(consumer_toolchain -G ${CMAKE_GENERATOR} -DCMAKE_MAKE_PROGRAM=${CMAKE_MAKE_PROGRAM}
  -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER})

# consumer_test(name step "arguments of configuring" [-D variables of the step])
function(consumer_test name step args)
  add_test(NAME consumer.${name} COMMAND ${CMAKE_COMMAND} -DSTEP=${step} -DSOURCE=${PROJECT_SOURCE_DIR}
    -DWORK=${consumer_work}/${name} "-DARGS=${consumer_toolchain};${args}" ${ARGN}
    -P ${PROJECT_SOURCE_DIR}/tests/package/consumer/run.cmake)
  set_tests_properties(consumer.${name} PROPERTIES LABELS consumer TIMEOUT 1800)
endfunction()

# Installed. The static library is this very build's; the shared one takes a build of its own, without the kernels, whose
# compilation is the longest and whose names the version script hides as it does all others.
set(static_prefix ${consumer_work}/static_prefix)
set(shared_prefix ${consumer_work}/shared_prefix)
consumer_test(static_install install_main "" -DMAIN=${PROJECT_BINARY_DIR} -DPREFIX=${static_prefix})
consumer_test(shared_install install
  "-DBUILD_SHARED_LIBS=ON;-DCMAKE_BUILD_TYPE=Release;-DCMAKE_INSTALL_PREFIX=/usr;-DSCOREMATCH_BUILD_COMMAND=ON;-DSCOREMATCH_BUILD_TESTS=OFF;-DSCOREMATCH_CUDA=OFF"
  -DPREFIX=${shared_prefix})
set_tests_properties(consumer.static_install PROPERTIES FIXTURES_SETUP static_prefix)
set_tests_properties(consumer.shared_install PROPERTIES FIXTURES_SETUP shared_prefix PROCESSORS 2 COST 1000)
set(without_cpu "cpu: unsupported: .*got cpu.*Engine::reference.* can be had")
if(SCOREMATCH_HAS_CPU)
  set(cpu_answer "cpu: built in")
else()
  set(cpu_answer "${without_cpu}")
endif()
set(installed static shared)

# The Debian package of the shared build, put by dpkg where nothing else is.
find_program(SCOREMATCH_DPKG_SHLIBDEPS dpkg-shlibdeps)
mark_as_advanced(SCOREMATCH_DPKG_SHLIBDEPS)
if(SCOREMATCH_DPKG_SHLIBDEPS)
  consumer_test(package package "" -DBUILD=${consumer_work}/shared_install -DPREFIX=${consumer_work}/package_root)
  set_tests_properties(consumer.package PROPERTIES FIXTURES_REQUIRED shared_prefix FIXTURES_SETUP package_prefix)
  set(package_prefix ${consumer_work}/package_root/usr)
  consumer_test(package_command command "" -DPREFIX=${package_prefix} -DARGUMENTS=info
    "-DEXPECT=scorematch ${PROJECT_VERSION}.*reference")
  set_tests_properties(consumer.package_command PROPERTIES FIXTURES_REQUIRED package_prefix)
  list(APPEND installed package)
else()
  scorematch_skipped_test(consumer.package "dpkg-shlibdeps (dpkg-dev) is not installed" consumer)
endif()

find_program(SCOREMATCH_PKG_CONFIG pkg-config)
mark_as_advanced(SCOREMATCH_PKG_CONFIG)
foreach(kind IN LISTS installed)
  consumer_test(${kind}_installed consumer "-DCMAKE_BUILD_TYPE=Release;-DCMAKE_PREFIX_PATH=${${kind}_prefix}"
    "-DEXPECT=best: .*${cpu_answer}.*refused: ")
  set_tests_properties(consumer.${kind}_installed PROPERTIES FIXTURES_REQUIRED ${kind}_prefix)
  if(SCOREMATCH_PKG_CONFIG)
    consumer_test(${kind}_pkgconfig pkgconfig "" -DPREFIX=${${kind}_prefix} -DCOMPILER=${CMAKE_CXX_COMPILER}
      "-DEXPECT=best: .*${cpu_answer}.*refused: ")
    set_tests_properties(consumer.${kind}_pkgconfig PROPERTIES FIXTURES_REQUIRED ${kind}_prefix)
  else()
    scorematch_skipped_test(consumer.${kind}_pkgconfig "pkg-config is not installed" consumer)
  endif()
endforeach()

# C and Python, which know of the library what scorematch_c.h says.
foreach(kind static shared)
  consumer_test(${kind}_installed_c outside
    "-DCMAKE_BUILD_TYPE=Release;-DCMAKE_C_FLAGS=-Wall -Wextra -Wpedantic -Werror;-DCMAKE_PREFIX_PATH=${${kind}_prefix}"
    -DPROJECT=docs/examples/c_quick)
  set_tests_properties(consumer.${kind}_installed_c PROPERTIES FIXTURES_REQUIRED ${kind}_prefix)
endforeach()
# Debian's Python comes with Debian's NumPy; another that stands before it on the path may have none.
find_program(SCOREMATCH_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(SCOREMATCH_PYTHON python3)
mark_as_advanced(SCOREMATCH_PYTHON)
foreach(path docs/examples/python/ten_lines docs/examples/python/train tests/python/scorematch_test)
  get_filename_component(program ${path} NAME)
  if(SCOREMATCH_PYTHON)
    consumer_test(python_${program} python "" -DPREFIX=${shared_prefix} -DPYTHON=${SCOREMATCH_PYTHON}
      -DPROGRAM=${path}.py)
    set_tests_properties(consumer.python_${program} PROPERTIES FIXTURES_REQUIRED shared_prefix
      SKIP_REGULAR_EXPRESSION "skipped: ")
  else()
    scorematch_skipped_test(consumer.python_${program} "python3 is not installed" consumer)
  endif()
endforeach()

# The trainer of docs/cuda.md, against the static library: it is compiled everywhere, and run where there is a GPU.
if(SCOREMATCH_HAS_CUDA)
  consumer_test(cuda_trainer outside
    "-DCMAKE_BUILD_TYPE=Release;-DCMAKE_PREFIX_PATH=${static_prefix};-DCMAKE_CUDA_COMPILER=${CMAKE_CUDA_COMPILER};-DCMAKE_CUDA_ARCHITECTURES=80-virtual"
    -DPROJECT=docs/examples/cuda_trainer)
  set_tests_properties(consumer.cuda_trainer PROPERTIES FIXTURES_REQUIRED static_prefix
    SKIP_REGULAR_EXPRESSION "skipped: built")
endif()

# Users of other frameworks (docs/frameworks.md), likewise; their tests are the projects' own.
if(SCOREMATCH_HAS_CPU)
  foreach(project libtorch mpi_trainer)
    consumer_test(${project} outside
      "-DCMAKE_BUILD_TYPE=Release;-DCMAKE_CXX_FLAGS_RELEASE=-O1;-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wconversion -Wpedantic -Werror;-DCMAKE_PREFIX_PATH=${static_prefix}"
      -DPROJECT=docs/examples/${project})
    set_tests_properties(consumer.${project} PROPERTIES FIXTURES_REQUIRED static_prefix PROCESSORS 2 COST 100
      SKIP_REGULAR_EXPRESSION "(libtorch|MPI) was not found")
  endforeach()
endif()

find_program(SCOREMATCH_NM nm)
find_program(SCOREMATCH_READELF readelf)
mark_as_advanced(SCOREMATCH_NM SCOREMATCH_READELF)
consumer_test(exported_symbols symbols "" -DPREFIX=${shared_prefix} -DNM=${SCOREMATCH_NM}
  -DREADELF=${SCOREMATCH_READELF})
set_tests_properties(consumer.exported_symbols PROPERTIES FIXTURES_REQUIRED shared_prefix)

# As a subfolder, here without the cpu engine, switched off or for want of Highway, nor the cuda engine: the
# reference alone.
consumer_test(static_subdirectory consumer
  "-DCMAKE_BUILD_TYPE=Debug;-DSCOREMATCH_SOURCE=${PROJECT_SOURCE_DIR};-DSCOREMATCH_CPU=OFF;-DSCOREMATCH_CUDA=OFF"
  "-DEXPECT=engine: reference.*${without_cpu}.*refused: ")
consumer_test(shared_subdirectory consumer
  "-DCMAKE_BUILD_TYPE=Debug;-DSCOREMATCH_SOURCE=${PROJECT_SOURCE_DIR};-DSCOREMATCH_HWY_LIBRARY=OFF;-DSCOREMATCH_CUDA=OFF;-DBUILD_SHARED_LIBS=ON"
  "-DEXPECT=engine: reference.*${without_cpu}.*refused: ")
set_tests_properties(consumer.static_subdirectory consumer.shared_subdirectory PROPERTIES PROCESSORS 2 COST 500)

# What was demanded and cannot be had is an error.
set(bare "-DSCOREMATCH_BUILD_TESTS=OFF;-DSCOREMATCH_BUILD_COMMAND=OFF")
consumer_test(cuda_demanded refused "${bare};-DSCOREMATCH_CUDA=ON;-DCMAKE_DISABLE_FIND_PACKAGE_CUDAToolkit=ON"
  "-DEXPECT=SCOREMATCH_CUDA=ON, but no CUDA toolkit .* was found")
consumer_test(cpu_demanded refused "${bare};-DSCOREMATCH_CPU=ON;-DSCOREMATCH_HWY_LIBRARY=OFF"
  "-DEXPECT=SCOREMATCH_CPU=ON, but Highway .* was not found")
