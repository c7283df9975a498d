/// @file
/// NumPy's .npy files, read with suspicion and written whole.
#pragma once
#include <string>

#include "cli/table.h"

namespace scorematch::cli {

/// Versions 1.0 to 3.0 of '<f4', '<f8' or '|u1', in C or Fortran order. [N] is read as [N, 1]; more than two dimensions
/// are flattened to [N, product]. Every value must be finite.
/// @throws Error io naming the file, the field, the value found and the value needed
Table read_npy(const std::string& path);

/// Version 1.0, '<f8' where the element needs it and else '<f4', C order, data at a multiple of 64 bytes; a failure
/// leaves the old file. @throws Error io; invalid_argument if the values are not rows x cols
void write_npy_table(const std::string& path, const Table& table);
/// The same as '<f4'.
void write_npy(const std::string& path, const Matrix& matrix);

}  // namespace scorematch::cli
