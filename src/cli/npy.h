/// @file
/// NumPy's .npy files, read with suspicion and written whole.
#pragma once
#include <string>

#include "cli/matrix.h"

namespace scorematch::cli {

/// Versions 1.0 to 3.0 of '<f4', '<f8' or '|u1', in C or Fortran order. [N] is read as [N, 1]; more than two dimensions
/// are flattened to [N, product]. Every value must be finite as float32.
/// @throws Error io naming the file, the field, the value found and the value needed
Matrix read_npy(const std::string& path);

/// Version 1.0, '<f4', C order, data at a multiple of 64 bytes; a failure leaves the old file.
/// @throws Error io; invalid_argument if the values are not rows x cols
void write_npy(const std::string& path, const Matrix& matrix);

}  // namespace scorematch::cli
