/// @file
/// The references for a network's held-out loss: the best linear score, and the network with F = 0, on the same
/// rows with the same noise.
#pragma once
#include <string>
#include <vector>

#include "cli/data/held_out.h"
#include "cli/training/linear_score.h"
#include "scorematch/estimate.h"

namespace scorematch::cli {

Estimate estimate_of(const std::vector<double>& values);
/// Of a[i] - b[i], up to the end of the shorter.
Estimate paired_difference(const std::vector<double>& a, const std::vector<double>& b);
/// Whether a mean is below zero by more than two of its standard errors.
bool is_clearly_negative(const Estimate& difference);

/// The parameters of a network whose output F is zero for every input, because those of its last layer are.
std::vector<float> zero_output_params(const MlpShape& net, std::vector<float> params);

/// The losses of the linear score on the held-out rows; on the first of them if all would take many seconds.
std::vector<double> linear_losses_of(const LinearScore& score, const Loss& loss, HeldOut& held_out, Queue& queue);

struct Baseline {
  std::string missing;  // why there is none; empty: there is one
  LinearScore score;
  std::vector<double> gaussian, zero;  // losses of held-out rows; F = 0 has all of them
};

/// @param params of the network, whose last layer does not matter
Baseline make_baseline(const Matrix& training, const MlpShape& net, const std::vector<float>& params, const Loss& loss,
                       HeldOut& held_out, Queue& queue);

}  // namespace scorematch::cli
