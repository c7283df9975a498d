/// @file
/// What the command passes between files, plots and the library.
#pragma once
#include <cstdint>
#include <vector>

namespace scorematch::cli {

struct Matrix {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::vector<float> values;  // [rows, cols], row-major
};

}  // namespace scorematch::cli
