/// @file
/// Two-dimensional data beside the samples of a model, with its score.
#pragma once
#include <string>
#include <vector>

#include "cli/data/matrix.h"
#include "cli/plots/canvas.h"

namespace scorematch::cli {

struct Arrow {
  double x, y;    // where the score was taken
  double dx, dy;  // the score
};

/// Two panels on the same axes: the data; the samples with arrows over them, whose lengths grow with the logarithm of
/// the score's. The axes are chosen for the data; samples outside are counted on the plot.
/// @param log_density on arrow_grid(data, samples, its side), or nothing: contours where it has fallen by k^2/2 from
/// its maximum, k = 1 ... 5, which for a Gaussian are k standard deviations from the mean
/// @throws Error invalid_argument unless data and samples are [N, 2]; N may be 0
Canvas scatter_plot(const Matrix& data, const Matrix& samples, const std::vector<Arrow>& field,
                    const std::string& title, const std::vector<double>& log_density = {});

/// [per_side * per_side, 2]: points spread evenly over the axes that scatter_plot will choose, row by row upward, at
/// which to evaluate the score.
/// @throws Error invalid_argument
Matrix arrow_grid(const Matrix& data, const Matrix& samples, int per_side);

}  // namespace scorematch::cli
