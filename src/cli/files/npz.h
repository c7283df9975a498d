/// @file
/// NumPy's .npz: a zip archive of .npy arrays.
#pragma once
#include <string>

#include "cli/data/table.h"

namespace scorematch::cli {

/// @param array which one, with or without its .npy; empty: the only one
/// @throws Error io, as read_npy() too, naming the arrays there are where the choice is not one of them
Table read_npz(const std::string& path, const std::string& array, Missing missing);

}  // namespace scorematch::cli
