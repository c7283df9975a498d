/// @file
/// Whether there is memory for data of the size that a file claims, asked before any of it is allocated.
#pragma once
#include <cstdint>
#include <string>

namespace scorematch::cli {

/// Bytes that this process can still have: the smallest of the machine's available memory, its cgroup's, and its own
/// limit; -1 if none of them is known.
std::int64_t free_memory();

/// @param what has that size, for a message, as "shape (3, 4)"
/// @throws Error out_of_memory naming both sizes
void check_free_memory(const std::string& path, const std::string& what, std::int64_t bytes);

}  // namespace scorematch::cli
