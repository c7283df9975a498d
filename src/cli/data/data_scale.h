/// @file
/// How far the data extend, in the units of the model: what a sampler's start has to stand for.
#pragma once
#include "cli/data/matrix.h"

namespace scorematch::cli {

/// Second moments about 0, because samplers start from Gaussians about 0.
struct DataScale {
  double deviation = 0;  ///< root mean square over all coordinates
  double largest = 0;    ///< root mean square along the direction where it is largest
};

/// @param data model units
DataScale measure_scale(const Matrix& data);

}  // namespace scorematch::cli
