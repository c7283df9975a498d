# The C interface, from a C compiler: a program that sees nothing but the public header.
enable_language(C)
find_package(Threads REQUIRED)
add_executable(c_interface_test c/main.c c/losses.c c/misuse.c c/plans.c c/sampling.c c/state.c)
set_target_properties(c_interface_test PROPERTIES C_STANDARD 99 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
target_compile_options(c_interface_test PRIVATE -Werror)
target_link_libraries(c_interface_test PRIVATE scorematch scorematch_options Threads::Threads m)
add_test(NAME c_interface COMMAND c_interface_test WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
set_tests_properties(c_interface PROPERTIES LABELS cpu TIMEOUT 600)

# What each exception becomes; c_equality_test.cpp, of every engine, holds this interface to the C++ one.
scorematch_test(c/c_guard_test)
