/// @file
/// LeCun's IDX files, the format of MNIST.
#pragma once
#include "cli/data/table.h"
#include "cli/files/byte_source.h"

namespace scorematch::cli {

/// Elements of 8 to 32 bits, signed or not, or floats of 32 or 64; [N, ...] is flattened to [N, product].
/// @param missing what becomes of NaN: refused, or left in the table
/// @throws Error io naming the file, the place, the value found and the value needed; out_of_memory
Table read_idx(ByteSource& file, Missing missing);

}  // namespace scorematch::cli
