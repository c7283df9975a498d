// The scores that a kernel should compute along drawn directions.
#pragma once
#include "kernels/fused_case.h"
#include "kernels/random_perturbation.h"
#include "support/expected_scores.h"

namespace scorematch {
namespace kernels {

/// Draws directions and compares run(source, how many, noise), a FusedCase::Scores, with the reference.
template <class Run>
void expect_scores(const testing_support::Problem& p, RandomCase& random, Precision precision, const Run& run) {
  const RandomNoise noise(random);
  const int count = random.integer(1, 3);
  const Projection distribution = random_distribution(random, p.net.dim, count);
  std::vector<std::vector<std::vector<float>>> directions(static_cast<std::size_t>(count));
  for (int m = 0; m < count; ++m)
    for (std::int64_t n = 0; n < p.batch; ++n) {
      const auto v = reference::draw_direction(noise.of(n), p.net.dim, distribution, static_cast<std::uint32_t>(m));
      directions[static_cast<std::size_t>(m)].emplace_back(v.begin(), v.end());
    }
  SCOPED_TRACE(p.describe());
  // Drawn numbers differ from the reference by 4 ulp, which no plain run includes. A coarser unit makes the sharp
  // criterion allow for that.
  constexpr double kUnit = 0x1p-22;
  testing_support::expect_scores(
      p, directions, run(DirectionSource{distribution, false, nullptr, 0, 0}, count, noise.get()), precision, kUnit);
}

}  // namespace kernels
}  // namespace scorematch
