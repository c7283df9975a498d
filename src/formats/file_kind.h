/// @file
/// The kind of a file by its first bytes, so that an error can name the kind of a wrong file.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace scorematch {

constexpr std::size_t kFileKindBytes = 512;  // enough to recognize every kind

/// "a PNG picture", "a NumPy array"; empty for text and for unknown kinds.
/// @param start the first kFileKindBytes of the file, or all of a shorter file
std::string file_kind(std::string_view start);

/// The same for a file; empty if it is missing or unreadable.
std::string kind_of_file(const std::string& path);

}  // namespace scorematch
