// Adam (Kingma & Ba 2015, algorithm 1) with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2), in double,
// rounded once per step:
//
//   g <- grad / loss_scale, clipped to max_grad_norm
//   m <- beta1 m + (1 - beta1) g          v <- beta2 v + (1 - beta2) g^2
//   theta <- theta - rate weight_decay theta - rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)
//   ema <- decay ema + (1 - decay) theta
//
// where rate and weight_decay have the factors of the parameter's group.
#include <cmath>
#include <limits>

#include "reference/programs.h"

namespace scorematch::reference {

// Moments are stored in float, where a larger square would leave the second moment infinite forever.
constexpr double kLargestSquare = std::numeric_limits<float>::max();

void adam_step(const AdamState& state, const Adam::Options& options, float* params, const float* grad,
               double loss_scale) {
  double square = 0;
  for (std::int64_t i = 0; i < state.count; ++i) {
    const double g = static_cast<double>(grad[i]) / loss_scale;
    square += g * g;
  }
  Adam::Progress& progress = *state.progress;
  const bool first = progress.step == 0;
  if (first && state.ema != nullptr && progress.skipped == 0)
    for (std::int64_t i = 0; i < state.count; ++i) state.ema[i] = params[i];
  progress.grad_norm = std::sqrt(square);
  const double clip = options.max_grad_norm > 0 && progress.grad_norm > options.max_grad_norm
                          ? options.max_grad_norm / progress.grad_norm
                          : 1.0;
  if (!std::isfinite(square) || clip * clip * square > kLargestSquare) {
    ++progress.skipped;
    return;
  }
  const auto t = static_cast<double>(++progress.step);
  const double bias1 = 1 - std::pow(options.beta1, t), bias2 = 1 - std::pow(options.beta2, t);
  const ParamRange* range = state.ranges;
  for (std::int64_t i = 0; i < state.count; ++i) {
    if (i >= range->end) ++range;
    const double rate = progress.learning_rate * range->learning_rate,
                 weight_decay = options.weight_decay * range->weight_decay;
    const double g = clip * static_cast<double>(grad[i]) / loss_scale;
    const double m = options.beta1 * static_cast<double>(state.first_moment[i]) + (1 - options.beta1) * g;
    const double v = options.beta2 * static_cast<double>(state.second_moment[i]) + (1 - options.beta2) * g * g;
    double theta = static_cast<double>(params[i]);
    theta -= rate * weight_decay * theta + rate * m / bias1 / (std::sqrt(v / bias2) + options.epsilon);
    state.first_moment[i] = static_cast<float>(m);
    state.second_moment[i] = static_cast<float>(v);
    params[i] = static_cast<float>(theta);
    if (state.ema != nullptr)
      state.ema[i] =
          static_cast<float>(options.ema_decay * static_cast<double>(state.ema[i]) + (1 - options.ema_decay) * theta);
  }
}

}  // namespace scorematch::reference
