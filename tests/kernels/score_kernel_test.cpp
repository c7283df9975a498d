// score.cu against the formulas in double: scores, Jacobian-vector products and both divergences, in one group of
// directions and in several.
#include <cmath>

#include "kernels/random_perturbation.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr double kUlp = 0x1p-23;

void run(std::uint64_t seed) {
  RandomCase random(seed);
  const int dim = random_dim(random);
  const std::int64_t batch = random.integer(1, 30), first = random.integer(0, 20), samples = first + batch;
  const std::int64_t rows = rounded_up(batch, random.pick({1, 16, 64})), stride = rounded_up(dim, 8);
  const bool exact = random.chance(0.3) && dim <= 12;
  const int directions = exact ? dim : random.integer(0, 5);
  const int group = directions > 0 ? random.integer(1, directions) : 1;
  const Projection distribution = random_distribution(random, dim, directions);
  const bool with_values = !exact && has_row_values(distribution) && directions > 0;
  const double weight = exact || directions == 0 ? 1 : 1.0 / directions;
  const RandomNoise noise(random);
  const RandomParameterization parameterization(random);
  std::vector<float> sigmas = random.normals(rows);
  for (float& each : sigmas) each = 0.05f + each * each;
  const std::vector<float> x = random.normals(samples * dim), output = random.normals(rows * stride),
                           jvp = random.normals(directions * rows * stride);
  const DeviceArray<float> x_device(x), output_device(output), jvp_device(jvp), sigma(sigmas),
      score(static_cast<std::size_t>(batch * dim)), jvp_out(static_cast<std::size_t>(directions * batch * dim)),
      divergence(static_cast<std::size_t>(batch)), row_values(static_cast<std::size_t>(group * rows));

  ScoreParams p;
  p.dim = dim, p.batch = batch, p.rows = rows, p.first = first;
  p.output = output_device.data(), p.output_stride = stride;
  p.jvp_plane = rows * stride, p.jvp_stride = stride;
  p.x = {x_device.data(), dim};
  p.sigma = sigma.data();
  p.parameterization = parameterization.value;
  p.noise = noise.get();
  p.directions.distribution = distribution, p.directions.is_basis = exact;
  p.weight = static_cast<float>(weight);
  p.score_stride = p.jvp_out_stride = dim;
  p.jvp_out_plane = batch * dim;
  p.divergence = directions > 0 ? divergence.data() : nullptr;
  for (int m = 0; m == 0 || m < directions; m += group) {
    p.first_direction = m, p.count = std::min(group, directions - m);
    p.score = m == 0 ? score.data() : nullptr;
    p.jvp = jvp_device.data() + m * p.jvp_plane;
    p.jvp_out = jvp_out.data() + m * p.jvp_out_plane;
    p.add_divergence = m > 0;
    if (with_values) {
      DirectionsParams d;
      d.source = p.directions, d.noise = p.noise, d.dim = dim, d.first_direction = m, d.count = p.count;
      d.batch = batch, d.rows = rows, d.first = first, d.columns = dim, d.row_values = row_values.data();
      ASSERT_EQ(launch_directions(d, Element::f32, nullptr), 0);
      p.direction_values = row_values.data();
    }
    ASSERT_EQ(launch_score(p, nullptr), 0);
  }

  const auto scores = score.read(), products = jvp_out.read();
  const auto divergences = directions > 0 ? divergence.read() : std::vector<float>();
  const double ulps = 16 + dim / 4.0 + directions;
  for (std::int64_t row = 0; row < batch; ++row) {
    const std::int64_t n = first + row;
    const double sigma_here = sigmas[static_cast<std::size_t>(row)];
    const auto [a, b, c] = reference::coefficients(parameterization.value, sigma_here);
    for (int i = 0; i < dim; ++i) {
      const double clean = x[static_cast<std::size_t>(n * dim + i)];
      const double f = output[static_cast<std::size_t>(row * stride + i)];
      EXPECT_NEAR(scores[static_cast<std::size_t>(row * dim + i)], a * clean + b * f,
                  4 * kUlp * (std::abs(a * clean) + std::abs(b * f)));
    }
    double sum = 0, size = 0;
    for (int m = 0; m < directions; ++m) {
      auto v = reference::draw_direction(noise.of(n), dim, distribution, static_cast<std::uint32_t>(m));
      if (exact) v.assign(static_cast<std::size_t>(dim), 0.0), v[static_cast<std::size_t>(m)] = 1;
      for (int i = 0; i < dim; ++i) {
        const double along = v[static_cast<std::size_t>(i)];
        const double f = jvp[static_cast<std::size_t>((m * rows + row) * stride + i)];
        const double product = a * along + b * c * f, product_size = std::abs(a * along) + std::abs(b * c * f);
        EXPECT_NEAR(products[static_cast<std::size_t>((m * batch + row) * dim + i)], product,
                    (8 + dim / 4.0) * kUlp * product_size + 1e-9);
        sum += along * product, size += std::abs(along) * product_size;
      }
    }
    if (directions > 0) {
      EXPECT_NEAR(divergences[static_cast<std::size_t>(row)], weight * sum, ulps * kUlp * weight * size + 1e-9);
    }
  }
}

TEST(ScoreKernel, AgreesWithTheFormulas) { for_each_seed(200, run); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
