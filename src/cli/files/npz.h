/// @file
/// NumPy's .npz: a zip archive of .npy arrays.
#pragma once
#include <string>

#include "cli/data/table.h"

namespace scorematch::cli {

/// @param array which one, with or without its .npy; empty: the only one
/// @throws Error io, like read_npy(); it names the arrays in the archive if the choice is not one of them
Table read_npz(const std::string& path, const std::string& array, Missing missing);

}  // namespace scorematch::cli
