/// @file
/// Data of any format the command knows: .npy, or else by what the file begins with, compressed by gzip or not.
#pragma once
#include <string>

#include "cli/table.h"

namespace scorematch::cli {

/// Files whose names end in .npy by read_npy(); others by read_idx() if they begin as IDX does, else by read_csv().
/// @throws Error io naming the file, the place, the value found and the value needed; out_of_memory
Table read_data(const std::string& path);

/// LeCun's IDX, as MNIST has it: elements of 8 to 32 bits, signed or not, or floats of 32 or 64, [N, ...] flattened to
/// [N, product].
Table read_idx(const std::string& path);

/// Numbers in rows: separated by commas, semicolons, tabs or blanks, whichever of these, in this order, the first row
/// has. Empty lines and those that begin with # are left out, and so is a first row that has a field that is no number.
Table read_csv(const std::string& path);

}  // namespace scorematch::cli
