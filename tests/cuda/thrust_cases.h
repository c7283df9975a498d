// A loss and its gradient with Thrust's vectors on the device.
#pragma once
#include <vector>

#include "scorematch/loss.h"

namespace scorematch::testing_support {

struct ThrustResult {
  std::vector<float> grad;
  double mean_of_losses = 0;  // a sum of Thrust over the buffer of the losses of the samples
  bool sees_sum = false;      // whether an algorithm on the queue's stream ran after the library's call
};

/// The parameters and x are in vectors, managed and not, and so is the gradient. The losses are in a buffer.
ThrustResult loss_of_vectors(const Engine& engine, const LossPlan& plan, Queue& queue, const std::vector<float>& params,
                             const std::vector<float>& x, std::int64_t batch, NoiseRef noise);

}  // namespace scorematch::testing_support
