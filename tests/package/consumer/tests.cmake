# The library as its users get it: installed, as a subfolder, static, shared; and options that a build must refuse. The
# installed library is the one of this build, static or shared.
# Everything is built below this folder of the build tree, with the generator and compiler of this build.
set(consumer_work ${CMAKE_CURRENT_BINARY_DIR}/consumer)
set(consumer_toolchain -G ${CMAKE_GENERATOR} -DCMAKE_MAKE_PROGRAM=${CMAKE_MAKE_PROGRAM}
  -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER})

# consumer_test(name tier step "configuration arguments" [-D variables of the step])
function(consumer_test name tier step args)
  list(JOIN consumer_toolchain "$<SEMICOLON>" all) # a list inside of a list
  string(REPLACE ";" "$<SEMICOLON>" args "${args}")
  scorematch_add_test(consumer.${name} ${tier} consumer ${CMAKE_COMMAND} -DSTEP=${step} -DSOURCE=${PROJECT_SOURCE_DIR}
    -DWORK=${consumer_work}/${name} "-DARGS=${all}$<SEMICOLON>${args}" ${ARGN}
    -P ${PROJECT_SOURCE_DIR}/tests/package/consumer/run.cmake)
endfunction()

if(BUILD_SHARED_LIBS)
  set(kind shared)
else()
  set(kind static)
endif()
set(prefix ${consumer_work}/${kind}_prefix)
consumer_test(${kind}_install full install_main "" -DMAIN=${PROJECT_BINARY_DIR} -DPREFIX=${prefix})
set_tests_properties(consumer.${kind}_install PROPERTIES FIXTURES_SETUP prefix)
set(without_cpu "cpu: unsupported: .*got cpu.*use Engine::reference")
if(SCOREMATCH_HAS_CPU)
  set(cpu_answer "cpu: built in")
else()
  set(cpu_answer "${without_cpu}")
endif()

# installed_consumers(kind prefix fixture): programs that find the library through CMake and through pkg-config.
find_program(SCOREMATCH_PKG_CONFIG pkg-config)
mark_as_advanced(SCOREMATCH_PKG_CONFIG)
function(installed_consumers kind prefix fixture)
  consumer_test(${kind}_installed full consumer "-DCMAKE_BUILD_TYPE=Release;-DCMAKE_PREFIX_PATH=${prefix}"
    "-DEXPECT=best: .*${cpu_answer}.*refused: ")
  set_tests_properties(consumer.${kind}_installed PROPERTIES FIXTURES_REQUIRED ${fixture})
  if(SCOREMATCH_PKG_CONFIG)
    consumer_test(${kind}_pkgconfig full pkgconfig "" -DPREFIX=${prefix} -DCOMPILER=${CMAKE_CXX_COMPILER}
      "-DEXPECT=best: .*${cpu_answer}.*refused: ")
    set_tests_properties(consumer.${kind}_pkgconfig PROPERTIES FIXTURES_REQUIRED ${fixture})
  else()
    scorematch_skipped_test(consumer.${kind}_pkgconfig "pkg-config is not installed" consumer)
  endif()
endfunction()
installed_consumers(${kind} ${prefix} prefix)
find_program(SCOREMATCH_READELF readelf)
mark_as_advanced(SCOREMATCH_READELF)

# A program with the cuda engine on a machine without CUDA.
if(SCOREMATCH_HAS_CUDA AND SCOREMATCH_READELF)
  list(GET scorematch_ENGINES 1 second_best)
  consumer_test(${kind}_without_cuda full without_cuda "" -DREADELF=${SCOREMATCH_READELF}
    -DPROGRAM=${consumer_work}/${kind}_installed/consumer
    "-DEXPECT=engine: ${second_best}.*[(]cuda: device: expected (an NVIDIA driver|a GPU), got none.*best: .*refused: ")
  set_tests_properties(consumer.${kind}_installed PROPERTIES FIXTURES_SETUP installed_consumer)
  set_tests_properties(consumer.${kind}_without_cuda PROPERTIES FIXTURES_REQUIRED installed_consumer)
endif()

# A C program, which uses scorematch_c.h only.
consumer_test(${kind}_installed_c full outside
  "-DCMAKE_BUILD_TYPE=Release;-DCMAKE_C_FLAGS=-Wall -Wextra -Wpedantic -Werror;-DCMAKE_PREFIX_PATH=${prefix}"
  -DPROJECT=docs/examples/c_quick)
set_tests_properties(consumer.${kind}_installed_c PROPERTIES FIXTURES_REQUIRED prefix)

# Others that use the installed library, and what its components are.
consumer_test(${kind}_exported full exported "-DCMAKE_BUILD_TYPE=Release;-DSCOREMATCH_CPU=OFF" -DPREFIX=${prefix})
list(JOIN scorematch_ENGINES ";" engines)
function(component_test name components expect)
  consumer_test(${kind}_component_${name} full components "-DCMAKE_PREFIX_PATH=${prefix};-DCOMPONENTS=${components}"
    "-DEXPECT=${expect}")
  set_tests_properties(consumer.${kind}_component_${name} PROPERTIES FIXTURES_REQUIRED prefix)
endfunction()
set_tests_properties(consumer.${kind}_exported PROPERTIES FIXTURES_REQUIRED prefix)
foreach(engine reference cpu cuda)
  if(engine IN_LIST scorematch_ENGINES)
    component_test(${engine} ${engine} "engines: .*reference")
  else()
    component_test(${engine} ${engine} "this build of scorematch has no ${engine} engine")
  endif()
endforeach()
component_test(unknown opencl "'opencl' is no component of scorematch; components are reference, cpu and cuda")

if(BUILD_SHARED_LIBS)
  # The Debian package of this build, installed by dpkg in an empty folder.
  find_program(SCOREMATCH_DPKG_SHLIBDEPS dpkg-shlibdeps)
  mark_as_advanced(SCOREMATCH_DPKG_SHLIBDEPS)
  if(SCOREMATCH_DPKG_SHLIBDEPS)
    consumer_test(package full package "" -DBUILD=${PROJECT_BINARY_DIR} -DPREFIX=${consumer_work}/package_root)
    set_tests_properties(consumer.package PROPERTIES FIXTURES_SETUP package)
    set(package_prefix ${consumer_work}/package_root/usr)
    consumer_test(package_command full command "" -DPREFIX=${package_prefix} -DARGUMENTS=info
      "-DEXPECT=scorematch ${PROJECT_VERSION}.*reference")
    set_tests_properties(consumer.package_command PROPERTIES FIXTURES_REQUIRED package)
    installed_consumers(package ${package_prefix} package)
  else()
    scorematch_skipped_test(consumer.package "dpkg-shlibdeps (dpkg-dev) is not installed" consumer)
  endif()

  # The Conan recipe, with the options that take least time to build, in an empty Conan home.
  find_program(SCOREMATCH_CONAN conan)
  mark_as_advanced(SCOREMATCH_CONAN)
  set(conan_version "")
  if(SCOREMATCH_CONAN)
    execute_process(COMMAND ${SCOREMATCH_CONAN} --version OUTPUT_VARIABLE conan_version ERROR_QUIET)
  endif()
  if(conan_version MATCHES "version 2\\.")
    consumer_test(conan slow conan "" -DCONAN=${SCOREMATCH_CONAN} -DGENERATOR=${CMAKE_GENERATOR}
      "-DEXPECT=scorematch/${PROJECT_VERSION}: Package .* created.*engine: reference.*${without_cpu}.*refused: ")
    set_tests_properties(consumer.conan PROPERTIES PROCESSORS 2 COST 500 SKIP_REGULAR_EXPRESSION "skipped: ")
  else()
    scorematch_skipped_test(consumer.conan "Conan 2 is not installed" consumer)
  endif()

  # Python with the installed library. ../python has more tests, with the library of the build.
  find_program(SCOREMATCH_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
  find_program(SCOREMATCH_PYTHON python3)
  mark_as_advanced(SCOREMATCH_PYTHON)
  if(SCOREMATCH_PYTHON)
    consumer_test(python_ten_lines full python "" -DPREFIX=${prefix} -DPYTHON=${SCOREMATCH_PYTHON}
      -DPROGRAM=docs/examples/python/ten_lines.py)
    set_tests_properties(consumer.python_ten_lines PROPERTIES FIXTURES_REQUIRED prefix SKIP_REGULAR_EXPRESSION "skipped: ")
    # The package that pip installs, with this library and command: a wheel, in an environment of its own.
    if(TARGET scorematch_command)
      scorematch_add_test(consumer.wheel slow consumer ${SCOREMATCH_PYTHON}
        ${PROJECT_SOURCE_DIR}/tests/package/consumer/wheel.py ${PROJECT_SOURCE_DIR} ${prefix} ${consumer_work}/wheel)
      set_tests_properties(consumer.wheel PROPERTIES FIXTURES_REQUIRED prefix SKIP_REGULAR_EXPRESSION "skipped: ")
    endif()
  else()
    scorematch_skipped_test(consumer.python_ten_lines "python3 is not installed" consumer)
    scorematch_skipped_test(consumer.wheel "python3 is not installed" consumer)
  endif()
  consumer_test(wheel_prefix full refused "-DSCOREMATCH_PREFIX=/no/such" -DPROJECT=src/python
    "-DEXPECT=SCOREMATCH_PREFIX: expected a folder with bin/scorematch .*, got '/no/such'")
  # What pip builds without a prefix is configured, not built: it is the library and the command of this build.
  consumer_test(wheel_cpu_demanded full refused "-DSCOREMATCH_HWY_LIBRARY=OFF;-DSCOREMATCH_CUDA=OFF"
    -DPROJECT=src/python "-DEXPECT=SCOREMATCH_CPU=ON, but Highway .* was not found")
  if(SCOREMATCH_HAS_CPU)
    consumer_test(wheel_build full wheel_build "-DSCOREMATCH_CUDA=OFF;-DCMAKE_BUILD_TYPE=Release")
  endif()

  find_program(SCOREMATCH_NM nm)
  mark_as_advanced(SCOREMATCH_NM)
  consumer_test(exported_symbols full symbols "" -DPREFIX=${prefix} -DNM=${SCOREMATCH_NM} -DREADELF=${SCOREMATCH_READELF})
  set_tests_properties(consumer.exported_symbols PROPERTIES FIXTURES_REQUIRED prefix)

  # As a subfolder with only the reference engine: there is no Highway for the cpu engine, and the cuda engine is off.
  consumer_test(shared_subdirectory slow consumer
    "-DCMAKE_BUILD_TYPE=Debug;-DSCOREMATCH_SOURCE=${PROJECT_SOURCE_DIR};-DSCOREMATCH_HWY_LIBRARY=OFF;-DSCOREMATCH_CUDA=OFF;-DBUILD_SHARED_LIBS=ON"
    "-DEXPECT=engine: reference.*${without_cpu}.*refused: ")
  set_tests_properties(consumer.shared_subdirectory PROPERTIES PROCESSORS 2 COST 500)

  # An engine or MPI that is requested but cannot be built is an error.
  set(bare "-DSCOREMATCH_BUILD_TESTS=OFF;-DSCOREMATCH_BUILD_COMMAND=OFF")
  consumer_test(cuda_demanded full refused "${bare};-DSCOREMATCH_CUDA=ON;-DCMAKE_DISABLE_FIND_PACKAGE_CUDAToolkit=ON"
    "-DEXPECT=SCOREMATCH_CUDA=ON, but no CUDA toolkit .* was found")
  consumer_test(cpu_demanded full refused "${bare};-DSCOREMATCH_CPU=ON;-DSCOREMATCH_HWY_LIBRARY=OFF"
    "-DEXPECT=SCOREMATCH_CPU=ON, but Highway .* was not found")
  consumer_test(mpi_demanded full refused
    "-DSCOREMATCH_BUILD_TESTS=OFF;-DSCOREMATCH_CUDA=OFF;-DSCOREMATCH_MPI=ON;-DCMAKE_DISABLE_FIND_PACKAGE_MPI=ON"
    "-DEXPECT=SCOREMATCH_MPI=ON, but no MPI was found")
  return()
endif()

# The programs of docs/cuda.md. They are always compiled, and run if there is a GPU.
if(SCOREMATCH_HAS_CUDA)
  set(projects cuda_trainer)
  if(SCOREMATCH_HAS_CURAND)
    list(APPEND projects own_network_cuda)
  endif()
  foreach(project IN LISTS projects)
    consumer_test(${project} full outside
      "-DCMAKE_BUILD_TYPE=Release;-DCMAKE_PREFIX_PATH=${prefix};-DCMAKE_CUDA_COMPILER=${CMAKE_CUDA_COMPILER};-DCMAKE_CUDA_ARCHITECTURES=80-virtual"
      -DPROJECT=docs/examples/${project})
    set_tests_properties(consumer.${project} PROPERTIES FIXTURES_REQUIRED prefix
      SKIP_REGULAR_EXPRESSION "skipped: built")
  endforeach()
endif()

# A program with a CUDA runtime of its own beside that in the static library.
if(SCOREMATCH_HAS_CUDA)
  consumer_test(runtimes full outside "-DCMAKE_BUILD_TYPE=Release;-DCMAKE_PREFIX_PATH=${prefix}"
    -DPROJECT=tests/package/consumer/runtimes)
  set_tests_properties(consumer.runtimes PROPERTIES FIXTURES_REQUIRED prefix)
endif()

# Users of other frameworks (docs/frameworks.md). These projects have their own tests.
if(SCOREMATCH_HAS_CPU)
  foreach(project libtorch mpi_trainer)
    consumer_test(${project} slow outside
      "-DCMAKE_BUILD_TYPE=Release;-DCMAKE_CXX_FLAGS_RELEASE=-O1;-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wconversion -Wpedantic -Werror;-DCMAKE_PREFIX_PATH=${prefix}"
      -DPROJECT=docs/examples/${project})
    set_tests_properties(consumer.${project} PROPERTIES FIXTURES_REQUIRED prefix PROCESSORS 2 COST 100
      SKIP_REGULAR_EXPRESSION "(libtorch|MPI) was not found")
  endforeach()
endif()

# In another project through FetchContent.
consumer_test(fetched full embedded "" -DHAS_CPU=${SCOREMATCH_HAS_CPU})

# As a subfolder with only the reference engine: the cpu and cuda engines are off.
consumer_test(static_subdirectory slow consumer
  "-DCMAKE_BUILD_TYPE=Debug;-DSCOREMATCH_SOURCE=${PROJECT_SOURCE_DIR};-DSCOREMATCH_CPU=OFF;-DSCOREMATCH_CUDA=OFF"
  "-DEXPECT=engine: reference.*${without_cpu}.*refused: ")
set_tests_properties(consumer.static_subdirectory PROPERTIES PROCESSORS 2 COST 500)
