// The Metropolis test of a Langevin step from x to x' (Roberts & Tweedie 1996; Besag 1994). The step is accepted if
//   ln u < f' - f - 1/2 (s + s') . (x' - x + h/4 (s' - s))
// and the right side is finite; u is the uniform of the sample at this step. The last term is ln q(x | x') - ln q(x' |
// x).
//
// x, x', s, s' are [batch, dim], f and f' [batch]. A warp processes 32 / lanes rows, and each lane a group of four
// columns at a time. No shared memory. Bytes per row: 16 dim, and 8 dim more if it is accepted. In double, like the CPU
// engines: the cost is small beside that of the network.
#include "device/group.cuh"
#include "device/launch.h"
#include "device/noise.cuh"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 4;  // per multiprocessor: the register budget, 64 per thread

/// (s + s') . (x' - x + h/4 (s' - s)) over one group of columns of a row.
SCOREMATCH_DEVICE double product4(const MetropolisParams& p, std::int64_t row, int g) {
  float x[4], s[4], next_x[4], next_s[4];
  const std::int64_t at = row * p.dim;
  read4(p.x + at, g, p.dim, x);
  read4(p.score + at, g, p.dim, s);
  read4(p.next_x + at, g, p.dim, next_x);
  read4(p.next_score + at, g, p.dim, next_s);
  double sum = 0;
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) {
    const double here = s[i], there = next_s[i];
    sum += (here + there) *
           (static_cast<double>(next_x[i]) - static_cast<double>(x[i]) + p.step_size / 4 * (there - here));
  }
  return sum;
}

SCOREMATCH_DEVICE void copy4(const float* from, float* to, int g, int dim) {
  float values[4];
  read4(from, g, dim, values);
  write4(to, g, dim, values);
}

/// The decision for a row, from its sum of products.
SCOREMATCH_DEVICE bool is_accepted(const MetropolisParams& p, std::int64_t row, double sum) {
  const double log_ratio =
      static_cast<double>(p.next_log_density[row]) - static_cast<double>(p.log_density[row]) - 0.5 * sum;
  const SampleNoise noise = sample_noise(p.noise, row);
  const philox::Block r = philox::philox4x32_10(
      philox::metropolis_counter(static_cast<std::uint64_t>(p.index), noise.step, noise.sample), noise.seed);
  return isfinite(log_ratio) && log(static_cast<double>(philox::uniform(r.word[0]))) < log_ratio;
}

__global__ void __launch_bounds__(kThreads, kResidentBlocks) metropolis_kernel(MetropolisParams p) {
  const int groups = group_count(p.dim);
  const RowLanes lanes(groups);
  const int thread = static_cast<int>(threadIdx.x), lane = lanes.lane_of(thread);
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * lanes.rows(kThreads) + lanes.row_of(thread);
  const bool is_there = row < p.batch;
  double sum = 0;
  for (int g = lane; is_there && g < groups; g += lanes.lanes()) sum += product4(p, row, g);
  sum = lanes.sum(sum);
  const bool moves = is_there && is_accepted(p, row, sum);
  __syncwarp();  // every lane has read log_density before one writes it
  if (!moves) return;
  for (int g = lane; g < groups; g += lanes.lanes()) {
    copy4(p.next_x + row * p.dim, p.x + row * p.dim, g, p.dim);
    copy4(p.next_score + row * p.dim, p.score + row * p.dim, g, p.dim);
  }
  if (lane == 0) {
    p.log_density[row] = p.next_log_density[row];
    p.accepted[row] += 1.0f;
  }
}

}  // namespace

int launch_metropolis(const MetropolisParams& params, CUstream_st* stream) {
  return launch(metropolis_kernel, row_grid(params.batch, params.dim, kThreads), stream, params);
}

}  // namespace kernels
}  // namespace scorematch
