/// @file
/// NumPy's .npy files: every field is checked when reading, and a file is written completely or not at all.
#pragma once
#include <string>

#include "cli/data/table.h"
#include "cli/files/byte_source.h"

namespace scorematch::cli {

/// Versions 1.0 to 3.0 of bool, integers of 8 to 64 bits and floats of 16 to 64, in either byte order, in C or Fortran
/// order, compressed with gzip or not. [N] is read as [N, 1]; more than two dimensions are flattened to [N, product].
/// Infinite values are refused, and whole numbers beyond 2^53.
/// @param missing what becomes of NaN: refused, or left in the table
/// @throws Error io naming the file, the field, the value found and the value needed; out_of_memory, before anything is
/// allocated, if the shape is larger than the memory
Table read_npy(const std::string& path, Missing missing = Missing::refuse);
Table read_npy(ByteSource& file, Missing missing);

/// Version 1.0, '<f8' if the element needs it and else '<f4', C order, data at a multiple of 64 bytes. A failure leaves
/// the old file.
/// @throws Error io; invalid_argument if the values are not rows x cols
void write_npy_table(const std::string& path, const Table& table);
/// The same as '<f4'.
void write_npy(const std::string& path, const Matrix& matrix);

}  // namespace scorematch::cli
