// metropolis.cu against the ratio of the densities in double, with the reference's uniforms.
#include <cmath>
#include <limits>

#include "kernels/random_perturbation.h"

namespace scorematch {
namespace kernels {
namespace {

struct Chain {
  explicit Chain(RandomCase& random, int dim, std::int64_t batch)
      : x(random.normals(batch * dim)), score(random.normals(batch * dim)), log_density(random.normals(batch)) {}
  std::vector<float> x, score, log_density;
};

std::vector<float> row_of(const std::vector<float>& all, int dim, std::int64_t n) {
  return {all.begin() + n * dim, all.begin() + (n + 1) * dim};
}

/// f' - f + ln q(x | x') - ln q(x' | x), from the densities as defined; `size` is the sum of the squares of both.
double log_ratio(const Chain& at, const Chain& next, int dim, std::int64_t n, double h, double& size) {
  const auto row = static_cast<std::size_t>(n);
  double sum = static_cast<double>(next.log_density[row]) - static_cast<double>(at.log_density[row]);
  size = 0;
  for (std::size_t i = row * static_cast<std::size_t>(dim); i < (row + 1) * static_cast<std::size_t>(dim); ++i) {
    const double x = at.x[i], to = next.x[i];
    const double there = to - x - h / 2 * static_cast<double>(at.score[i]),
                 back = x - to - h / 2 * static_cast<double>(next.score[i]);
    sum += (there * there - back * back) / (2 * h);
    size += (there * there + back * back) / (2 * h);
  }
  return sum;
}

float spoil(RandomCase& random) {
  const float inf = std::numeric_limits<float>::infinity();
  return std::vector<float>{inf, -inf, inf - inf}[static_cast<std::size_t>(random.integer(0, 2))];
}

void run(std::uint64_t seed) {
  RandomCase random(seed);
  const int dim = random_dim(random);
  const std::int64_t batch = random.integer(1, 300);
  const RandomNoise noise(random);
  const Chain at(random, dim, batch);
  Chain next(random, dim, batch);
  // Close to each other, like proposals; otherwise nearly all decisions would be the same.
  for (std::size_t i = 0; i < next.x.size(); ++i) {
    next.x[i] = at.x[i] + 0.3f * next.x[i];
    next.score[i] = at.score[i] + 0.3f * next.score[i];
  }
  const std::int64_t broken = random.integer(0, static_cast<int>(batch) - 1);
  const auto place = static_cast<std::size_t>(broken * dim + random.integer(0, dim - 1));
  switch (random.integer(0, 3)) {
    case 0:
      next.x[place] = spoil(random);
      break;
    case 1:
      next.score[place] = spoil(random);
      break;
    case 2:
      next.log_density[static_cast<std::size_t>(broken)] = spoil(random);
      break;
    default:
      break;
  }
  const DeviceArray<float> x(at.x), score(at.score), log_density(at.log_density),
      accepted(std::vector<float>(static_cast<std::size_t>(batch), 2.0f)), next_x(next.x), next_score(next.score),
      next_log_density(next.log_density);
  MetropolisParams p;
  p.batch = batch, p.dim = dim;
  p.x = x.data(), p.score = score.data(), p.log_density = log_density.data(), p.accepted = accepted.data();
  p.next_x = next_x.data(), p.next_score = next_score.data(), p.next_log_density = next_log_density.data();
  p.step_size = random.real(0.01, 0.5);
  p.noise = noise.get();
  p.index = random.integer(0, 1 << 21);
  ASSERT_EQ(launch_metropolis(p, nullptr), 0);

  const auto got_x = x.read(), got_score = score.read(), got_f = log_density.read(), got_moves = accepted.read();
  for (std::int64_t n = 0; n < batch; ++n) {
    double size = 0;
    const double ratio = log_ratio(at, next, dim, n, p.step_size, size);
    const double log_u = std::log(noise.of(n).acceptance(p.index));
    // A few roundings per term in double: of the squares here, of the products in the kernel.
    if (std::isfinite(ratio) && std::abs(log_u - ratio) < 0x1p-53 * (8 + dim) * (8 + size)) continue;
    const bool moves = std::isfinite(ratio) && log_u < ratio;
    const auto row = static_cast<std::size_t>(n);
    ASSERT_EQ(got_moves[row], moves ? 3 : 2) << n;
    ASSERT_EQ(got_f[row], (moves ? next : at).log_density[row]) << n;
    ASSERT_EQ(row_of(got_x, dim, n), row_of((moves ? next : at).x, dim, n)) << n;
    ASSERT_EQ(row_of(got_score, dim, n), row_of((moves ? next : at).score, dim, n)) << n;
  }
}

TEST(MetropolisKernel, DecidesByTheRatioOfTheDensities) { for_each_seed(100, run); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
