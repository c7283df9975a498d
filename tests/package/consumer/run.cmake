# One step of the consumer tests, which tests.cmake declares:
#   cmake -DSTEP=<step> -DSOURCE=<this repository> -DWORK=<folder to build in> -DARGS=<how to configure> ... -P run.cmake
# install_main  installs the build folder MAIN to PREFIX
# consumer      configures, builds and runs the outside project; its output must match EXPECT
# without_cuda  runs the outside program of another test, PROGRAM, where CUDA's libraries are not found and there is no
#               GPU; its output must match EXPECT
# embedded      configures an outside project that takes this repository in by FetchContent, without a build type; checks
#               what would be built, how, and what is left in the project's cache
# exported      an outside library that links ours privately is installed, found and used
# components    find_package with COMPONENTS, whose output must match EXPECT
# pkgconfig     compiles the outside program with the flags of pkg-config; its output must match EXPECT
# package       makes the Debian package of the build BUILD and installs it with dpkg below PREFIX
# conan         CONAN makes the package of docs/packaging/conan and runs its test; the output must match EXPECT
# command       runs the installed command; its output must match EXPECT
# outside       configures, builds and runs the project PROJECT, or its tests if it has some; exit code 77 means that
#               the machine lacks a requirement
# python        PYTHON runs PROGRAM with the shared library in PREFIX; exit code 77 means that the machine lacks a
#               requirement
# symbols       the shared library in PREFIX has an SONAME and exports only its interface, with every C function
# refused       configuring this repository, or its folder PROJECT, fails with a message that matches EXPECT
# wheel_build   configures what pip builds from the sources; it would install what the Python package looks for
cmake_minimum_required(VERSION 3.22)

function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# expect_match(text pattern): white space becomes single blanks first, since CMake wraps its messages.
function(expect_match text pattern)
  string(REGEX REPLACE "[ \n]+" " " line "${text}")
  if(NOT line MATCHES "${pattern}")
    message(FATAL_ERROR "expected output that matches '${pattern}', got:\n${text}")
  endif()
endfunction()

# shared_library(variable): the file in PREFIX to which libscorematch.so links.
function(shared_library variable)
  file(GLOB_RECURSE links ${PREFIX}/libscorematch.so)
  if(NOT links)
    message(FATAL_ERROR "no libscorematch.so in ${PREFIX}")
  endif()
  list(GET links 0 link)
  set(${variable} ${link} PARENT_SCOPE)
endfunction()

function(pkg_config_dir variable)
  file(GLOB_RECURSE file ${PREFIX}/*/scorematch.pc)
  get_filename_component(folder ${file} DIRECTORY)
  set(${variable} ${folder} PARENT_SCOPE)
endfunction()

# What is installed finds its libraries by itself.
unset(ENV{LD_LIBRARY_PATH})

if(STEP STREQUAL "install_main")
  file(REMOVE_RECURSE ${PREFIX})
  run(${CMAKE_COMMAND} --install ${MAIN} --prefix ${PREFIX})

elseif(STEP STREQUAL "consumer")
  file(REMOVE ${WORK}/CMakeCache.txt)
  run(${CMAKE_COMMAND} -S ${SOURCE}/tests/package/consumer -B ${WORK} ${ARGS})
  run(${CMAKE_COMMAND} --build ${WORK})
  execute_process(COMMAND ${WORK}/consumer OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY ECHO_OUTPUT_VARIABLE)
  expect_match("${output}" "${EXPECT}")

elseif(STEP STREQUAL "without_cuda")
  set(cuda_libraries "/?lib(cuda|cudart|cublas|cublasLt)\\.so")
  execute_process(COMMAND ${READELF} --wide --dynamic --program-headers ${PROGRAM} OUTPUT_VARIABLE headers
                  COMMAND_ERROR_IS_FATAL ANY)
  if(headers MATCHES "NEEDED[^\n]*${cuda_libraries}" OR NOT headers MATCHES "program interpreter: ([^]]+)")
    message(FATAL_ERROR "expected a dynamic program that does not need CUDA's libraries, got:\n${headers}")
  endif()
  # The loader says on stderr what it loads. Without its cache it searches the system's own folders only.
  set(loader ${CMAKE_MATCH_1})
  execute_process(COMMAND ${CMAKE_COMMAND} -E env CUDA_VISIBLE_DEVICES= LD_DEBUG=files
    ${loader} --inhibit-cache ${PROGRAM} OUTPUT_VARIABLE output ERROR_VARIABLE loaded COMMAND_ERROR_IS_FATAL ANY)
  expect_match("${output}" "${EXPECT}")
  if(NOT loaded MATCHES "calling init: [^\n]*/libc\\.so" OR loaded MATCHES "calling init: [^\n]*/lib(cudart|cublas)")
    message(FATAL_ERROR "expected that no library of CUDA is loaded, got:\n${loaded}")
  endif()
  message(STATUS "${output}")

elseif(STEP STREQUAL "embedded")
  file(REMOVE_RECURSE ${WORK})
  run(${CMAKE_COMMAND} -S ${SOURCE}/tests/package/consumer -B ${WORK} -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
      -DSCOREMATCH_FETCH=${SOURCE} ${ARGS})
  file(READ ${WORK}/compile_commands.json commands)
  string(JSON count LENGTH "${commands}")
  math(EXPR last "${count} - 1")
  set(optimized 0)
  foreach(i RANGE ${last})
    string(JSON file GET "${commands}" ${i} file)
    string(JSON command GET "${commands}" ${i} command)
    if(file MATCHES "\\.cu$|/src/cli/|/tests/(api|engines|cpu)/|/bench/")
      message(FATAL_ERROR "expected only the host library, got ${file}")
    elseif(file MATCHES "/src/cpu/")
      if(NOT command MATCHES " -O2 ")
        message(FATAL_ERROR "expected ${file} to be optimized, got ${command}")
      endif()
      math(EXPR optimized "${optimized} + 1")
    endif()
  endforeach()
  if(HAS_CPU AND optimized LESS 20)
    message(FATAL_ERROR "expected the files of the cpu engine, got ${optimized}")
  endif()
  # Only entries with our name, those of CMake's own modules, and those of the packages that we look for.
  file(STRINGS ${WORK}/CMakeCache.txt entries REGEX "^[A-Za-z_]+:(BOOL|STRING|PATH|FILEPATH)=")
  foreach(entry IN LISTS entries)
    if(entry MATCHES "^(BUILD_SHARED_LIBS|CMAKE_CUDA[A-Z_]*|CMAKE_BUILD_TYPE|CMAKE_RUNTIME_OUTPUT_DIRECTORY):.*=.+")
      message(FATAL_ERROR "expected no such entry in the project's cache: ${entry}")
    endif()
  endforeach()

elseif(STEP STREQUAL "exported")
  file(REMOVE_RECURSE ${WORK})
  set(outside ${SOURCE}/tests/package/consumer/exported)
  run(${CMAKE_COMMAND} -S ${outside} -B ${WORK}/library ${ARGS} -DCMAKE_PREFIX_PATH=${PREFIX})
  run(${CMAKE_COMMAND} --build ${WORK}/library)
  run(${CMAKE_COMMAND} --install ${WORK}/library --prefix ${WORK}/prefix)
  run(${CMAKE_COMMAND} -S ${outside}/user -B ${WORK}/user ${ARGS} -DCMAKE_PREFIX_PATH=${WORK}/prefix -Dscorematch_ROOT=${PREFIX})
  run(${CMAKE_COMMAND} --build ${WORK}/user)
  run(${WORK}/user/user)
  # The same with the sources as a subfolder: that its targets can be exported shows when CMake generates.
  run(${CMAKE_COMMAND} -S ${outside} -B ${WORK}/subfolder ${ARGS} -DSCOREMATCH_SOURCE=${SOURCE} -DSCOREMATCH_INSTALL=ON)

elseif(STEP STREQUAL "components")
  file(REMOVE_RECURSE ${WORK})
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE}/tests/package/consumer -B ${WORK} ${ARGS}
                  OUTPUT_VARIABLE output ERROR_VARIABLE output)
  expect_match("${output}" "${EXPECT}")

elseif(STEP STREQUAL "pkgconfig")
  pkg_config_dir(folder)
  set(ENV{PKG_CONFIG_PATH} ${folder})
  execute_process(COMMAND pkg-config --cflags --libs scorematch OUTPUT_VARIABLE flags COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  file(MAKE_DIRECTORY ${WORK})
  run(${COMPILER} -std=c++17 ${SOURCE}/tests/package/consumer/main.cpp ${flags} -o ${WORK}/consumer)
  execute_process(COMMAND ${WORK}/consumer OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY ECHO_OUTPUT_VARIABLE)
  expect_match("${output}" "${EXPECT}")

elseif(STEP STREQUAL "package")
  file(REMOVE_RECURSE ${PREFIX} ${WORK})
  run(${CMAKE_CPACK_COMMAND} --config ${BUILD}/CPackConfig.cmake -G DEB -B ${WORK})
  file(GLOB package ${WORK}/*.deb)
  # No other package is in this database, so dependencies are ignored.
  file(MAKE_DIRECTORY ${PREFIX} ${WORK}/database/info ${WORK}/database/updates ${WORK}/database/triggers)
  file(TOUCH ${WORK}/database/status)
  run(dpkg --instdir=${PREFIX} --admindir=${WORK}/database --log=${WORK}/log --force-not-root --force-script-chrootless
      --force-depends --install ${package})
  run(dpkg --admindir=${WORK}/database --status scorematch)
  run(dpkg --instdir=${PREFIX} --admindir=${WORK}/database --verify scorematch)

elseif(STEP STREQUAL "conan")
  file(REMOVE_RECURSE ${WORK})
  set(ENV{CONAN_HOME} ${WORK}/home)
  execute_process(COMMAND ${CONAN} profile detect RESULT_VARIABLE failed)
  if(failed)
    message("skipped: Conan does not know the compiler of this machine")
    return()
  endif()
  execute_process(COMMAND ${CONAN} create ${SOURCE}/docs/packaging/conan --no-remote -s build_type=Debug
    -o "&:shared=True" -o "&:cpu=False" -c tools.cmake.cmaketoolchain:generator=${GENERATOR}
    -c tools.cmake.cmake_layout:test_folder=${WORK}/test
    OUTPUT_VARIABLE output ERROR_VARIABLE output COMMAND_ERROR_IS_FATAL ANY ECHO_OUTPUT_VARIABLE ECHO_ERROR_VARIABLE)
  expect_match("${output}" "${EXPECT}")

elseif(STEP STREQUAL "command")
  execute_process(COMMAND ${PREFIX}/bin/scorematch ${ARGUMENTS} OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY
                  ECHO_OUTPUT_VARIABLE)
  expect_match("${output}" "${EXPECT}")

elseif(STEP STREQUAL "outside")
  file(REMOVE ${WORK}/CMakeCache.txt)
  run(${CMAKE_COMMAND} -S ${SOURCE}/${PROJECT} -B ${WORK} ${ARGS})
  run(${CMAKE_COMMAND} --build ${WORK})
  if(EXISTS ${WORK}/CTestTestfile.cmake)
    run(${CMAKE_CTEST_COMMAND} --test-dir ${WORK} --output-on-failure --no-tests=error)
    return()
  endif()
  get_filename_component(program ${PROJECT} NAME)
  execute_process(COMMAND ${WORK}/${program} RESULT_VARIABLE status)
  if(status EQUAL 77)
    message("skipped: built, but this machine cannot run it")
  elseif(NOT status EQUAL 0)
    message(FATAL_ERROR "${program} ended with ${status}")
  endif()

elseif(STEP STREQUAL "python")
  shared_library(library)
  file(MAKE_DIRECTORY ${WORK})
  execute_process(COMMAND ${CMAKE_COMMAND} -E env SCOREMATCH_LIBRARY=${library} PYTHONPATH=${SOURCE}/src/python
    PYTHONDONTWRITEBYTECODE=1 ${PYTHON} ${SOURCE}/${PROGRAM} WORKING_DIRECTORY ${WORK} RESULT_VARIABLE status)
  if(status EQUAL 77)
    message("skipped: this machine cannot run it")
  elseif(NOT status EQUAL 0)
    message(FATAL_ERROR "${PROGRAM} ended with ${status}")
  endif()

elseif(STEP STREQUAL "symbols")
  shared_library(library)
  execute_process(COMMAND ${READELF} -d ${library} OUTPUT_VARIABLE dynamic COMMAND_ERROR_IS_FATAL ANY)
  expect_match("${dynamic}" "Library soname: \\[libscorematch\\.so\\.[0-9]+\\.[0-9]+\\]")

  # The classes whose members may be exported: those that carry SCOREMATCH_API in a public header.
  file(GLOB headers ${SOURCE}/include/scorematch/*.h)
  set(classes "")
  foreach(header IN LISTS headers)
    file(STRINGS ${header} lines REGEX "^(class|struct) SCOREMATCH_API ")
    foreach(line IN LISTS lines)
      string(REGEX REPLACE "^(class|struct) SCOREMATCH_API ([A-Za-z]+).*" "\\2" class "${line}")
      list(APPEND classes ${class})
    endforeach()
  endforeach()
  list(JOIN classes "|" classes)
  # Every function of the C interface must be exported; functions of C++ may be, too.
  set(functions "")
  set(free "")
  foreach(header IN LISTS headers)
    file(READ ${header} text)
    string(REGEX MATCHALL "\nSCOREMATCH_API [^(;]*\\(" declarations "${text}") # of one line or two
    foreach(declaration IN LISTS declarations)
      string(REGEX MATCH "[a-z0-9_]+\\(" function "${declaration}")
      string(REPLACE "(" "" function "${function}")
      if(function MATCHES "^scorematch_")
        list(APPEND functions ${function})
      else()
        list(APPEND free ${function})
      endif()
    endforeach()
  endforeach()

  list(JOIN free "|" free)

  execute_process(COMMAND ${NM} --dynamic --demangle --defined-only ${library} OUTPUT_VARIABLE symbols
                  COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE "[][;]" "_" symbols "${symbols}")
  string(REGEX MATCHALL "[^\n]+" symbols "${symbols}")
  set(internal "")
  set(exported 0)
  foreach(symbol IN LISTS symbols)
    string(REGEX REPLACE "^[0-9a-f ]*[A-Za-z] " "" symbol "${symbol}")
    if((symbol MATCHES "^scorematch::(${classes})::" AND NOT symbol MATCHES "^[^(]*::Impl::") OR
       symbol MATCHES "^scorematch::(${free})\\(" OR
       symbol MATCHES "^scorematch::conditioning::Fourier::random\\(" OR
       symbol MATCHES "^(typeinfo|typeinfo name|vtable) for scorematch::Error$")
      math(EXPR exported "${exported} + 1")
    elseif(symbol IN_LIST functions)
      list(REMOVE_ITEM functions ${symbol})
      math(EXPR exported "${exported} + 1")
    else()
      string(APPEND internal "  ${symbol}\n")
    endif()
  endforeach()
  if(functions)
    message(FATAL_ERROR "${library} does not export: ${functions}")
  endif()
  if(internal OR exported LESS 120)
    message(FATAL_ERROR "${library} exports ${exported} symbols of its interface, and these others:\n${internal}")
  endif()
  message(STATUS "${exported} symbols exported, all of them of the interface")

elseif(STEP STREQUAL "refused")
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE}/${PROJECT} -B ${WORK} ${ARGS}
                  RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT failed)
    message(FATAL_ERROR "expected the configuration to fail, got:\n${output}")
  endif()
  expect_match("${output}" "${EXPECT}")

elseif(STEP STREQUAL "wheel_build")
  run(${CMAKE_COMMAND} -S ${SOURCE}/src/python -B ${WORK} ${ARGS})
  file(READ ${WORK}/cmake_install.cmake rules)
  expect_match("${rules}" "/scorematch/lib\"[^)]*/libscorematch\\.so\\.[0-9]+\\.[0-9]+\"")
  expect_match("${rules}" "/scorematch/bin\"[^)]*/scorematch\"")

else()
  message(FATAL_ERROR "unknown STEP '${STEP}'")
endif()
