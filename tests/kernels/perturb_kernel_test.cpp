// perturb.cu against the perturbation of the reference, in double. Errors are in units of the size of the terms: eps
// takes logf, sqrtf and sincospif, each within one ulp, and a product; sigma is rounded once, and so are the products.
#include <cmath>

#include "device/noise.cuh"
#include "kernels/random_contexts.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr double kUlp = 0x1p-23;

struct Case {
  RandomCase random;
  int dim = random_dim(random);
  std::int64_t batch = random.chance(0.3) ? random.integer(1, 4) : random.integer(1, 90);
  std::int64_t rows = rounded_up(batch, random.pick({1, 16, 64}));
  std::int64_t first = random.chance(0.5) ? 0 : random.integer(1, 30);
  Element element = random.chance(0.5) ? Element::f32 : Element::bf16;
  RandomNoise noise{random};
  RandomSigma sigma{random, first + batch};
  RandomParameterization parameterization{random};
  bool drawn = random.chance(0.3), gathered = !drawn && random.chance(0.3), perturbed = random.chance(0.8);
  bool eps_given = perturbed && random.chance(0.3), fast = random.chance(0.3);
  std::int64_t data_rows = drawn || gathered ? random.integer(1, 200) : first + batch;
  std::int64_t x_stride = dim + random.pick({0, 0, 1, 4});
  double point = random.pick({1, 1, 0, -1});
  std::vector<float> x = random.normals(data_rows * x_stride), eps = random.normals((first + batch) * dim);
  std::vector<std::int64_t> row_list;
  Features features;
  std::vector<double> frequencies;
  Conditioning conditioning;
  RandomContexts contexts{random, data_rows};

  explicit Case(std::uint64_t seed) : random(seed) {
    for (std::int64_t n = 0; n < first + batch; ++n)
      row_list.push_back(random.integer(0, static_cast<int>(data_rows) - 1));
    const int kind = random.integer(0, 2);
    if (kind == 1) features = {ConditioningKind::log_sigma, 1, nullptr}, conditioning = conditioning::LogSigma{};
    if (kind == 2) {
      for (int k = random.integer(1, 9); k > 0; --k) frequencies.push_back(random.real(-2, 2));
      features = {ConditioningKind::fourier, 2 * static_cast<int>(frequencies.size()), nullptr};
      conditioning = conditioning::Fourier{frequencies};
    }
  }

  std::int64_t data_row_of(std::int64_t n) const {
    if (gathered) return row_list[static_cast<std::size_t>(n)];
    if (!drawn) return n;
    return static_cast<std::int64_t>(
        philox::index(noise.of(n).block(philox::Purpose::row, 0), static_cast<std::uint64_t>(data_rows)));
  }
};

void run(std::uint64_t seed) {
  Case c(seed);
  const DeviceArray<float> x(c.x), eps(c.eps);
  const DeviceArray<std::int64_t> row_list(c.row_list);
  const DeviceArray<double> frequencies(c.frequencies);
  const int columns = static_cast<int>(rounded_up(c.dim + c.features.count + c.contexts.source.total, 8)),
            stride = columns;
  const ElementArray input(c.element, static_cast<std::size_t>(c.rows * stride));
  const DeviceArray<float> sigma(static_cast<std::size_t>(c.rows)), x_tilde(static_cast<std::size_t>(c.batch * c.dim)),
      eps_out(static_cast<std::size_t>(c.batch * c.dim));

  PerturbParams p;
  p.data = {{x.data(), c.x_stride}, c.data_rows, c.gathered ? row_list.data() : nullptr, c.drawn};
  p.noise = c.noise.get();
  p.noise.fast_normals = c.fast;
  p.sigma = c.sigma.source;
  p.eps = {c.perturbed, {c.eps_given ? eps.data() : nullptr, c.dim}};
  p.parameterization = c.parameterization.value;
  p.features = c.features;
  p.context = c.contexts.source;
  p.features.frequencies = frequencies.data();
  p.point = static_cast<float>(c.point);
  p.dim = c.dim, p.batch = c.batch, p.rows = c.rows, p.first = c.first;
  p.net_input = input.data(), p.net_stride = stride, p.net_columns = columns;
  p.sigma_out = sigma.data();
  p.x_tilde = x_tilde.data(), p.x_tilde_stride = c.dim;
  p.eps_out = eps_out.data(), p.eps_stride = c.dim;
  ASSERT_EQ(launch_perturb(p, c.element, nullptr), 0);

  const auto input_read = input.read(), sigma_read = sigma.read(), x_read = x_tilde.read(), eps_read = eps_out.read();
  for (std::int64_t row = 0; row < c.rows; ++row) {
    const auto at = static_cast<std::size_t>(row);
    const float* got = &input_read[at * static_cast<std::size_t>(stride)];
    if (row >= c.batch) {
      EXPECT_EQ(sigma_read[at], 1.0f);
      for (int i = 0; i < columns; ++i) EXPECT_EQ(got[i], 0.0f) << "row " << row << " past the batch, column " << i;
      continue;
    }
    const std::int64_t n = c.first + row;
    const double s = c.sigma.of(c.noise, n);
    EXPECT_NEAR(sigma_read[at], s, kUlp * s);
    const double drawn_error = c.fast && !c.eps_given ? 0x1p-16 : 0.0;
    const auto z = c.perturbed ? c.eps_given
                                     ? std::vector<double>(c.eps.begin() + n * c.dim, c.eps.begin() + (n + 1) * c.dim)
                                     : reference::draw_eps(c.noise.of(n), c.dim)
                               : std::vector<double>(static_cast<std::size_t>(c.dim), 0.0);
    const double scale = reference::coefficients(c.parameterization.value, s).c;
    for (int i = 0; i < c.dim; ++i) {
      const auto k = static_cast<std::size_t>(row * c.dim + i);
      const double noise = z[static_cast<std::size_t>(i)];
      const double clean = c.x[static_cast<std::size_t>(c.data_row_of(n) * c.x_stride + i)];
      const double wanted = clean + c.point * s * noise,
                   size = std::abs(clean) + std::abs(c.point) * s * (std::abs(noise) + 1e-6),
                   shift = std::abs(c.point) * s * drawn_error;
      EXPECT_NEAR(eps_read[k], noise, 3 * kUlp * (std::abs(noise) + 1e-6) + drawn_error);  // 1e-6: a cosine near zero
      EXPECT_NEAR(x_read[k], wanted, 5 * kUlp * size + shift);
      EXPECT_NEAR(got[i], scale * wanted, scale * ((6 * kUlp + ElementArray::rounding(c.element)) * size + shift));
    }
    const auto e = reference::features(c.conditioning, s);
    const bool has_context = c.contexts.has(c.noise, n, c.data_row_of(n));
    for (int i = c.dim; i < columns; ++i) {
      const auto k = static_cast<std::size_t>(i - c.dim);
      const int of_context = i - c.dim - c.features.count;
      if (of_context >= 0 && of_context < c.contexts.source.total) {
        const float given = has_context ? c.contexts.column(c.data_row_of(n), of_context) : 0.0f;
        EXPECT_NEAR(got[i], given, static_cast<float>(ElementArray::rounding(c.element)) * std::abs(given));
        continue;
      }
      const double wanted = k < e.size() ? e[k] : 0.0;
      // sigma is rounded to float: its logarithm changes by 2^-24, and a feature by 2 pi w times that.
      EXPECT_NEAR(got[i], wanted, kUlp * 16 + ElementArray::rounding(c.element) * std::abs(wanted));
    }
  }
}

TEST(PerturbKernel, AgreesWithTheReference) { for_each_seed(150, run); }

/// Near u = 0 and 1, near the point where the series takes over, and at angles near the ends of every octant.
TEST(PerturbKernel, FastNormalsAreWithinTheirBound) {
  std::vector<std::uint32_t> radii, angles;
  for (std::uint32_t i = 0; i < 64; ++i) {
    for (const std::uint32_t at : {0u, 0xFFFFFFFFu, 0xFC000000u, 0x80000000u})
      radii.push_back(at + (i << 9) - (8u << 9));
    for (std::uint32_t octant = 0; octant < 8; ++octant) angles.push_back((octant << 29) + (i << 9) - (8u << 9));
    radii.push_back(i << 26);
    angles.push_back(i << 26 | 1 << 20);
  }
  for (const float error : {-1.0f, 0.0f, 1.0f}) {
    simt::options.approximation = error;
    double largest = 0;
    for (const std::uint32_t radius_word : radii)
      for (const std::uint32_t angle_word : angles) {
        float z[2];
        fast_normal_pair(radius_word, angle_word, z);
        const double pi = std::acos(-1.0), angle = 2 * pi * static_cast<double>(philox::uniform(angle_word));
        const double radius = std::sqrt(-2 * std::log(static_cast<double>(philox::uniform(radius_word))));
        largest = std::max({largest, std::abs(static_cast<double>(z[0]) - radius * std::cos(angle)),
                            std::abs(static_cast<double>(z[1]) - radius * std::sin(angle))});
      }
    EXPECT_LT(largest, 0x1p-16) << error;
    if (error != 0.0f) {
      EXPECT_GT(largest, 0x1p-18) << "the errors of the approximations do not reach the normals";
    }
  }
}

}  // namespace
}  // namespace kernels
}  // namespace scorematch
