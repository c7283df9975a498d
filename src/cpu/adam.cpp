// Adam: the gradient norm, then one pass over all arrays. Blocks have a fixed size, so that results do not depend on
// the number of threads.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cpu/programs.h"
#include "cpu/simd/adam.h"

namespace scorematch::cpu {
namespace {

constexpr std::int64_t kBlock = 16384;  // elements: five arrays of this size fit into a core's L2 cache

bool is_clipped(const Adam::Options& options, double norm) {
  return options.max_grad_norm > 0 && norm > options.max_grad_norm;
}

/// Whether the squares of the clipped gradient fit into a float: an infinity would stay in the second moment forever.
bool is_usable(const Adam::Options& options, double norm) {
  const double used = is_clipped(options, norm) ? options.max_grad_norm : norm;
  return std::isfinite(norm) && used * used <= static_cast<double>(std::numeric_limits<float>::max());
}

/// For the parameters of a range.
AdamScalars scalars(const Adam::Options& options, const Adam::Progress& progress, double loss_scale,
                    const ParamRange& range) {
  const double rate = progress.learning_rate * range.learning_rate;
  const auto t = static_cast<double>(progress.step);
  const double bias1 = 1 - std::pow(options.beta1, t), bias2 = 1 - std::pow(options.beta2, t);
  const bool clipped = is_clipped(options, progress.grad_norm);
  AdamScalars s;
  s.grad_scale = static_cast<float>((clipped ? options.max_grad_norm / progress.grad_norm : 1.0) / loss_scale);
  s.one_minus_beta1 = static_cast<float>(1 - options.beta1);
  s.one_minus_beta2 = static_cast<float>(1 - options.beta2);
  s.weight_decay = static_cast<float>(rate * options.weight_decay * range.weight_decay);
  s.step_size = static_cast<float>(rate / bias1);
  s.inv_sqrt_bias2 = static_cast<float>(1 / std::sqrt(bias2));
  s.epsilon = static_cast<float>(options.epsilon);
  s.one_minus_ema_decay = static_cast<float>(1 - options.ema_decay);
  return s;
}

}  // namespace

void adam_step(ThreadPool& pool, const AdamState& state, const Adam::Options& options, float* params, const float* grad,
               double loss_scale) {
  const std::int64_t blocks = (state.count + kBlock - 1) / kBlock;
  const auto size_of = [&](std::int64_t block) { return std::min(kBlock, state.count - block * kBlock); };
  std::vector<double> squares(static_cast<std::size_t>(blocks));
  pool.run(blocks, [&](std::int64_t block, int) {
    squares[static_cast<std::size_t>(block)] = sum_of_squares(grad + block * kBlock, size_of(block));
  });
  double square = 0;
  for (const double each : squares) square += each;

  Adam::Progress& progress = *state.progress;
  if (progress.step == 0 && progress.skipped == 0 && state.ema != nullptr) std::copy_n(params, state.count, state.ema);
  progress.grad_norm = std::sqrt(square) / loss_scale;
  if (!is_usable(options, progress.grad_norm)) {
    ++progress.skipped;
    return;
  }
  ++progress.step;
  std::vector<AdamScalars> factors;
  for (int i = 0; i < state.range_count; ++i)
    factors.push_back(scalars(options, progress, loss_scale, state.ranges[i]));
  pool.run(blocks, [&](std::int64_t block, int) {
    const std::int64_t end = block * kBlock + size_of(block);
    std::int64_t at = block * kBlock;
    const auto ends_after = [](std::int64_t element, const ParamRange& range) { return element < range.end; };
    const ParamRange* range = std::upper_bound(state.ranges, state.ranges + state.range_count, at, ends_after);
    for (; at < end; at = (range++)->end)
      adam_update(std::min(end, range->end) - at, factors[static_cast<std::size_t>(range - state.ranges)], grad + at,
                  params + at, state.first_moment + at, state.second_moment + at,
                  state.ema == nullptr ? nullptr : state.ema + at);
  });
}

}  // namespace scorematch::cpu
