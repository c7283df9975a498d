// Fat binaries as nvcc stores them in a program's data.
#pragma once
#include <string>
#include <vector>

namespace ptx::runtime {

/// The PTX of a fat binary, one text per architecture. Ends the program if the PTX is compressed.
/// @param wrapper the argument of __cudaRegisterFatBinary
std::vector<std::string> ptx_of(const void* wrapper);

}  // namespace ptx::runtime
