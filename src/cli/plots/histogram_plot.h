/// @file
/// One-dimensional data and samples of a model, as histograms with the same bins.
#pragma once
#include <string>

#include "cli/data/matrix.h"
#include "cli/plots/canvas.h"

namespace scorematch::cli {

/// The data as filled bars, the samples as an outline. The bins are chosen for the data; samples outside are counted on
/// the plot.
/// @throws Error invalid_argument unless both are [N, 1]; N may be 0
Canvas histogram_plot(const Matrix& data, const Matrix& samples, const std::string& title);

}  // namespace scorematch::cli
