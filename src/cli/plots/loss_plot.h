/// @file
/// The loss against the step.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cli/plots/canvas.h"

namespace scorematch::cli {

struct LossPoint {
  std::int64_t step;
  double loss;
  double standard_error;  // 0 or not finite: not drawn
};

/// Training loss with a band of plus and minus its standard error, held-out loss as dots with error bars. Points with a
/// loss that is not finite are left out and counted on the plot. Above 400 points, a curve shows means of consecutive
/// ones. A steep start may leave the plot at its top, so that the rest can be read; the plot says so.
Canvas loss_plot(const std::vector<LossPoint>& training, const std::vector<LossPoint>& held_out,
                 const std::string& title);

}  // namespace scorematch::cli
