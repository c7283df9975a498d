// Shared libraries that are opened at run time. The tests of the executor replace library.cpp.
#pragma once
#include <string>

namespace scorematch::cuda {

/// Opens a shared library and leaves it open: what it runs on other threads may outlast every engine. The name has no
/// folder. The system's loader looks it up as it does the libraries that a program names: the program's own folders and
/// those of LD_LIBRARY_PATH, then the system's. After these comes /usr/local/cuda, where CUDA's installer puts it.
/// @param reason why it cannot be opened, in the words of the loader; unchanged if it can
/// @return null if it cannot be opened
void* open_library(const std::string& name, std::string& reason);

/// @return null if the library has no such function
void* find_function(void* library, const char* name);

}  // namespace scorematch::cuda
