// The Metropolis test of a Langevin step, with the ratio of the proposal densities in double:
//   ln q(x | x') - ln q(x' | x) = -1/2 (s + s') . (x' - x + h/4 (s' - s))
#include <algorithm>
#include <cmath>

#include "cpu/chunks.h"
#include "cpu/programs.h"
#include "cpu/tile/samples.h"

namespace scorematch::cpu {
namespace {

float* row_of(const View& view, std::int64_t n) { return static_cast<float*>(view.data) + n * view.stride[0]; }
const float* row_of(const ConstView& view, std::int64_t n) {
  return static_cast<const float*>(view.data) + n * view.stride[0];
}

double log_uniform(const MetropolisStep& step, std::int64_t n) {
  const Draw at = draw_at(step.noise, philox::Purpose::metropolis, n, 0);
  const philox::Block r = philox::philox4x32_10(
      philox::metropolis_counter(static_cast<std::uint64_t>(step.index), at.step, at.first_sample), at.seed);
  return std::log(static_cast<double>(philox::uniform(r.word[0])));
}

void decide(const MetropolisStep& step, std::int64_t n, int dim) {
  float *x = row_of(step.x, n), *s = row_of(step.score, n), *f = row_of(step.log_density, n);
  const float *next_x = row_of(step.next_x, n), *next_s = row_of(step.next_score, n),
              *next_f = row_of(step.next_log_density, n);
  double sum = 0;
  for (int i = 0; i < dim; ++i) {
    const auto from = static_cast<double>(x[i]), to = static_cast<double>(next_x[i]);
    const auto here = static_cast<double>(s[i]), there = static_cast<double>(next_s[i]);
    sum += (here + there) * (to - from + step.step_size / 4 * (there - here));
  }
  const double log_ratio = static_cast<double>(*next_f) - static_cast<double>(*f) - 0.5 * sum;
  if (!std::isfinite(log_ratio) || !(log_uniform(step, n) < log_ratio)) return;
  std::copy_n(next_x, dim, x);
  std::copy_n(next_s, dim, s);
  *f = *next_f;
  *row_of(step.accepted, n) += 1;
}

}  // namespace

void metropolis(ThreadPool& pool, const MetropolisStep& step) {
  const int dim = static_cast<int>(step.x.shape.extent[1]);
  const Chunks chunks(step.x.shape.extent[0]);
  pool.run(chunks.count(), [&](std::int64_t chunk, int) {
    chunks.for_each_tile(chunk, [&](std::int64_t first, int rows) {
      for (std::int64_t n = first; n < first + rows; ++n) decide(step, n, dim);
    });
  });
}

}  // namespace scorematch::cpu
