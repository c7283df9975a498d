// Fat binaries as nvcc leaves them in a program's data.
#pragma once
#include <string>
#include <vector>

namespace ptx::runtime {

/// The PTX of a fat binary, one text for each architecture. Ends the program where the PTX is compressed.
/// @param wrapper what __cudaRegisterFatBinary is called with
std::vector<std::string> ptx_of(const void* wrapper);

}  // namespace ptx::runtime
