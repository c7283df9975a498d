/// @file
/// What a file is by its first bytes, so that a wrong file can be called by its name in an error.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace scorematch {

constexpr std::size_t kFileKindBytes = 512;  // that are enough to tell

/// "a PNG picture", "a NumPy array"; empty for text and for what it does not know.
/// @param start of the file: kFileKindBytes, or all of a shorter file
std::string file_kind(std::string_view start);

/// The same for a file that may be missing or unreadable: then empty.
std::string kind_of_file(const std::string& path);

}  // namespace scorematch
