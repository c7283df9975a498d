/// @file
/// What the report of a training run says about columns of whole numbers.
#pragma once
#include <string>
#include <vector>

#include "cli/data/grid.h"
#include "cli/data/table.h"

namespace scorematch::cli {

/// One line: which columns are dequantized, or, if none is, which could be. Nothing if no column of whole numbers
/// varies.
void note_whole_numbers(const Table& data, const Grid& grid, std::vector<std::string>& notes);

}  // namespace scorematch::cli
