// The vector functions of the cpu engine against scalar double or long double, on every supported instruction set.
#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "cpu/simd/activation.h"
#include "cpu/simd/adam.h"
#include "cpu/simd/jet.h"
#include "cpu/simd/noise.h"
#include "support/simd.h"

namespace {
using namespace scorematch;
using namespace scorematch::cpu;

constexpr double kEps = 0x1p-23;

INSTANTIATE_TEST_SUITE_P(Targets, Simd, testing::ValuesIn(targets()),
                         [](const auto& info) { return std::string(hwy::TargetName(info.param)); });

// ---- noise

const Draw kDraw = {0x9E3779B97F4A7C15u, 0xAB12345678u, 0xFFFFFFF0u, philox::Purpose::direction, 9876};

TEST_P(Simd, NormalsMatchBoxMullerInDouble) {
  constexpr int kRows = 1 << 16, kDim = 66;
  static const std::vector<double> expected = [] {
    std::vector<double> e;
    for (int r = 0; r < kRows; ++r) {
      for (int i = 0; i < kDim; ++i)
        e.push_back(exact_normal(words(kDraw, kDraw.first_sample + unsigned(r), i / 4), i & 3));
    }
    return e;
  }();
  std::vector<float> actual(expected.size());
  fill_normal(kDraw, kRows, kDim, actual.data(), kDim);
  double worst = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) worst = std::max(worst, ulps(actual[i], expected[i]));
  report("normal_max_ulp", worst);
  EXPECT_LE(worst, 4.0);
}

TEST_P(Simd, NormalsAtExtremeUniforms) {
  // 23-bit uniforms near both ends, 2/3 and the powers of 2; angles near octant ends; the 9 bits below are free.
  std::vector<std::uint32_t> radii, angles;
  for (std::uint32_t near = 0; near < 3; ++near) {
    for (std::uint32_t k = 0; k < 24; ++k) {
      radii.push_back(((1u << 23) - (1u << k) / 3 - 1 + near) & 0x7FFFFF);
      radii.push_back(((1u << k) - 2 + near) & 0x7FFFFF);
    }
    for (std::uint32_t octant = 0; octant < 8; ++octant) angles.push_back(((octant << 20) - 1 + near) & 0x7FFFFF);
  }
  double worst = 0;
  std::mt19937 engine(1);
  std::vector<float> row;
  for (int trial = 0; trial < 2000; ++trial) {
    const std::uint32_t radius = radii[engine() % radii.size()] << 9, angle = angles[engine() % angles.size()] << 9;
    philox::Block counter, wanted;
    do {  // until the group of the counter is small
      const auto low = static_cast<std::uint32_t>(engine());
      wanted = {{radius | (low & 511), angle | (low >> 9 & 511), radius | (low >> 18 & 511), angle}};
      counter = invert_philox(wanted, kDraw.seed);
    } while ((counter.word[1] & (philox::kMaxGroups - 1)) >= 64);
    Draw draw = kDraw;
    draw.first_sample = counter.word[0] | std::uint64_t{counter.word[3] & 0xFFFF} << 32;
    draw.step = counter.word[2] | std::uint64_t{counter.word[3] >> 16 & 0xFF} << 32;
    draw.purpose = static_cast<philox::Purpose>(counter.word[3] >> 24);
    draw.direction = counter.word[1] >> philox::kGroupBits;
    const int group = static_cast<int>(counter.word[1] & (philox::kMaxGroups - 1));
    row.assign(static_cast<std::size_t>(4 * group + 4), 0);
    fill_normal(draw, 1, 4 * group + 4, row.data(), 4 * group + 4);
    for (int i = 0; i < 4; ++i) {
      worst = std::max(worst, ulps(row[static_cast<std::size_t>(4 * group + i)], exact_normal(wanted, i)));
    }
  }
  report("normal_extreme_max_ulp", worst);
  EXPECT_LE(worst, 4.0);
}

/// A function that fills rows; normals and signs have the same contract.
using Fill = void (*)(const Draw&, int, int, float*, std::int64_t);

TEST_P(Simd, NoiseBitsDependOnTheSampleOnly) {
  constexpr int kRows = 37, kWide = 1003;  // samples 2^32 - 16 .. 2^32 + 20
  for (const Fill fill : {&fill_normal, &fill_signs}) {
    Guarded wide(kRows, kWide, kWide);
    fill(kDraw, kRows, kWide, wide.data(), kWide);
    std::vector<int> dims = {127, 128, 129, 256, 257, 1000, 1003};
    for (int dim = 1; dim <= 70; ++dim) dims.push_back(dim);
    for (const int dim : dims) {
      for (const int pad : {0, 3}) {
        Guarded whole(kRows, dim, dim + pad), split(kRows, dim, dim + pad);
        fill(kDraw, kRows, dim, whole.data(), dim + pad);
        for (int r = 0, take = 1; r < kRows; r += take, take = std::min(take + 2, kRows - r)) {
          Draw draw = kDraw;
          draw.first_sample += static_cast<std::uint64_t>(r);
          fill(draw, take, dim, split.row(r), dim + pad);
        }
        for (int r = 0; r < kRows; ++r) {
          ASSERT_TRUE(same_bits(whole.row(r), wide.row(r), static_cast<std::size_t>(dim))) << dim << " " << r;
          ASSERT_TRUE(same_bits(split.row(r), wide.row(r), static_cast<std::size_t>(dim))) << dim << " " << r;
        }
        ASSERT_TRUE(whole.guards_hold() && split.guards_hold()) << dim;
      }
    }
    fill(kDraw, 0, 5, wide.data(), 5);
    EXPECT_TRUE(wide.guards_hold());
  }
}

TEST_P(Simd, SignsAreThoseOfTheCounters) {
  constexpr int kRows = 40, kDim = 700;
  std::vector<float> signs(kRows * kDim);
  fill_signs(kDraw, kRows, kDim, signs.data(), kDim);
  for (unsigned i = 0; i < signs.size(); ++i) {
    const unsigned col = i % kDim;
    const auto block = words(kDraw, kDraw.first_sample + i / kDim, static_cast<int>(col / 128));
    ASSERT_EQ(signs[i], philox::sign(block, col % 128)) << i;
  }
}

TEST_P(Simd, FourierFeatures) {
  const long double two_pi = 2 * std::acos(-1.0L);
  double worst = 0;
  for (int count = 1; count <= 40; ++count) {
    const auto draws = random_floats(static_cast<std::size_t>(count + 7), static_cast<unsigned>(count));
    std::vector<double> frequencies(draws.begin(), draws.begin() + count), ln_sigma(draws.begin() + count, draws.end());
    for (double& w : frequencies) w *= std::pow(8.0, count % 6);
    ln_sigma[0] = 0;
    Guarded out(7, 2 * count, 2 * count + 5);
    fill_fourier(ln_sigma.data(), 7, frequencies.data(), count, out.data(), 2 * count + 5);
    EXPECT_TRUE(out.guards_hold());
    for (int r = 0; r < 7; ++r) {
      for (int k = 0; k < count; ++k) {
        const double turns = frequencies[static_cast<std::size_t>(k)] * ln_sigma[static_cast<std::size_t>(r)];
        const long double angle = two_pi * (turns - std::round(turns));
        worst = std::max(worst, static_cast<double>(std::abs(out.row(r)[k] - std::sin(angle))));
        worst = std::max(worst, static_cast<double>(std::abs(out.row(r)[count + k] - std::cos(angle))));
      }
    }
  }
  report("fourier_max_error", worst);
  EXPECT_LT(worst, 2e-7);
}

// ---- activations

struct Bound {
  double relative, absolute;  // |error| <= eps (relative |value| + absolute); values below 2^-119 may become 0
};
constexpr Bound kActivationBounds[4][4] = {
    {{2.5, 0}, {4, 0.5}, {4, 0.5}, {4, 0.5}},    // silu: value, first, second and third derivative
    {{2.5, 0}, {2.5, 0}, {3.5, 0}, {4, 0.5}},    // softplus
    {{2.5, 0}, {3.5, 0}, {5.5, 0}, {5.5, 4.5}},  // tanh
    {{3.5, 0}, {4, 0.75}, {4, 0.5}, {5, 0.5}}    // gelu
};
constexpr const char* kActivationNames[] = {"silu", "softplus", "tanh", "gelu"};

std::array<long double, 4> exact_activation(int activation, long double z) {
  const long double e = std::exp(-std::abs(z)), larger = 1 / (1 + e), smaller = e / (1 + e);
  const long double s = z > 0 ? larger : smaller, c = z > 0 ? smaller : larger;
  if (activation == 0)
    return {z * s, s * (1 + z * c), s * c * (2 + z * (c - s)), s * c * ((c - s) * (3 + z * (c - s)) - 2 * z * s * c)};
  if (activation == 1) return {std::max(z, 0.0L) + std::log1p(e), s, s * c, s * c * (c - s)};
  if (activation == 2) {
    const long double h = std::tanh(z), d1 = 1 / (std::cosh(z) * std::cosh(z));
    return {h, d1, -2 * h * d1, d1 * (6 * h * h - 2)};
  }
  const long double density = std::exp(-z * z / 2) / std::sqrt(2 * std::acos(-1.0L));
  const long double below = std::erfc(-z / std::sqrt(2.0L)) / 2;
  return {z * below, below + z * density, density * (2 - z * z), density * z * (z * z - 4)};
}

/// [n], padded to rows of 16
struct Activated {
  std::vector<float> h, d1, d2, d3;
  Activated(int activation, int order, const std::vector<float>& z, const float* residual = nullptr)
      : h(z.size()), d1(z.size()), d2(z.size()), d3(z.size()) {
    const float bias[16] = {};
    activate(static_cast<Activation>(activation), order, static_cast<int>(z.size() / 16), 16, bias, residual, z.data(),
             h.data(), order >= 1 ? d1.data() : nullptr, order >= 2 ? d2.data() : nullptr,
             order >= 3 ? d3.data() : nullptr);
  }
};

std::vector<float> activation_arguments() {
  std::vector<float> z = {0.0f, FLT_MIN, FLT_MAX, 1e30f, 87.0f, 87.33f, 88.0f, 43.67f, 13.2f, 14.0f};
  for (int i = 0; i <= 1 << 17; ++i) z.push_back(static_cast<float>(i) * (100.0f / (1 << 17)));
  for (int i = 0; i <= 1 << 16; ++i) z.push_back(static_cast<float>(i) * (16.1f / (1 << 16)));
  for (int exponent = -149; exponent < 127; ++exponent) {
    for (const float x : random_floats(40, static_cast<unsigned>(exponent + 200), 1, 2)) {
      z.push_back(std::ldexp(x, exponent));
    }
  }
  for (std::size_t i = z.size(); i-- > 0;) z.push_back(-z[i]);
  z.resize((z.size() + 15) / 16 * 16);
  return z;
}

TEST_P(Simd, ActivationErrors) {
  static const std::vector<float> z = activation_arguments();
  for (int activation = 0; activation < 4; ++activation) {
    static std::vector<std::array<double, 4>> expected[4];
    if (expected[activation].empty()) {
      for (const float x : z) {
        const auto exact = exact_activation(activation, x);
        expected[activation].push_back({double(exact[0]), double(exact[1]), double(exact[2]), double(exact[3])});
      }
    }
    const Activated actual(activation, 3, z);
    const std::vector<float>* of_order[] = {&actual.h, &actual.d1, &actual.d2, &actual.d3};
    for (std::size_t order = 0; order < 4; ++order) {
      const Bound bound = kActivationBounds[activation][order];
      double worst = 0, worst_z = 0;  // of error / bound
      for (std::size_t i = 0; i < z.size(); ++i) {
        const double exact = expected[activation][i][order], value = (*of_order[order])[i];
        const double allowed = kEps * (bound.relative * std::abs(exact) + bound.absolute) + 0x1p-119;
        const double error = std::isfinite(value) ? std::abs(value - exact) / allowed : HUGE_VAL;
        if (error > worst) worst = error, worst_z = z[i];
      }
      report(std::string(kActivationNames[activation]) + std::to_string(order) + "_error_over_bound", worst);
      EXPECT_LE(worst, 1) << "z = " << worst_z;
    }
  }
}

TEST_P(Simd, ActivationBitsDependOnTheArgumentOnly) {
  constexpr int kRows = 7, kWidth = 48;
  const auto z = random_floats(kRows * kWidth, 3, -9, 9), bias = random_floats(kWidth, 4),
             res = random_floats(z.size(), 5);
  std::vector<float> t(z), reversed(z.size()), with_nan;
  for (std::size_t i = 0; i < z.size(); ++i) t[i] = z[i] + bias[i % kWidth];
  std::reverse_copy(t.begin(), t.end(), reversed.begin());
  with_nan = t;
  for (std::size_t i = 0; i < t.size(); i += 5) with_nan[i] = std::numeric_limits<float>::quiet_NaN();
  for (int activation = 0; activation < 4; ++activation) {
    const Activated plain(activation, 3, t), nan(activation, 3, with_nan), back(activation, 3, reversed);
    for (std::size_t i = 0, last = t.size() - 1; i <= last; ++i) {
      ASSERT_TRUE(bits(plain.h[i]) == bits(back.h[last - i]) && bits(plain.d1[i]) == bits(back.d1[last - i]) &&
                  bits(plain.d2[i]) == bits(back.d2[last - i]) && bits(plain.d3[i]) == bits(back.d3[last - i]));
      if (i % 5 == 0) {
        ASSERT_TRUE(std::isnan(nan.h[i]) && std::isnan(nan.d1[i]) && std::isnan(nan.d2[i]) && std::isnan(nan.d3[i]));
      } else {
        ASSERT_TRUE(nan.h[i] == plain.h[i] && nan.d1[i] == plain.d1[i] && nan.d2[i] == plain.d2[i] &&
                    nan.d3[i] == plain.d3[i]);
      }
    }
    for (int order = 0; order < 4; ++order) {  // in place, with bias, unaligned
      const Activated residual(activation, 2, t, res.data()), lower(activation, order, t, res.data());
      EXPECT_EQ(lower.h, residual.h);
      Guarded h(kRows, kWidth, kWidth), d1(kRows, kWidth, kWidth), d2(kRows, kWidth, kWidth), d3(kRows, kWidth, kWidth);
      std::copy(z.begin(), z.end(), h.data());
      activate(static_cast<Activation>(activation), order, kRows, kWidth, bias.data(), nullptr, h.data(), h.data(),
               d1.data(), d2.data(), d3.data());
      EXPECT_TRUE(same_bits(h.data(), plain.h.data(), z.size()));
      EXPECT_EQ(order >= 1, same_bits(d1.data(), plain.d1.data(), z.size()));
      EXPECT_EQ(order >= 2, same_bits(d2.data(), plain.d2.data(), z.size()));
      EXPECT_EQ(order >= 3, same_bits(d3.data(), plain.d3.data(), z.size()));
      EXPECT_TRUE(h.guards_hold() && d1.guards_hold() && d2.guards_hold() && d3.guards_hold());
    }
  }
}

// ---- the jet and Adam

/// Sixteen partial sums, then a tree by halves, as simd_jet.h specifies.
double sum_of_products(int n, const float* a, const float* b) {
  double sum[16] = {};
  for (int i = 0; i < n; ++i) sum[i % 16] += double{a[i]} * b[i];
  for (int half = 8; half > 0; half /= 2) {
    for (int k = 0; k < half; ++k) sum[k] += sum[k + half];
  }
  return sum[0];
}

TEST_P(Simd, JetSteps) {
  for (int n = 1; n <= 150; ++n) {
    const auto size = static_cast<std::size_t>(n);
    const auto d1 = random_floats(size, 1), d2 = random_floats(size, 2), a = random_floats(size, 3),
               b = random_floats(size, 4);
    // Every function on the whole array, in place where allowed, and on each element alone.
    Guarded h(1, n, n), z(1, n, n), acc(1, n, n), p(1, n, n), q(1, n, n), y(1, n, n);
    for (Guarded* g : {&z, &p, &q}) std::copy(b.begin(), b.end(), g->data());
    for (Guarded* g : {&acc, &y}) std::copy(a.begin(), a.end(), g->data());
    tangent_forward(n, d1.data(), a.data(), b.data(), h.data());
    tangent_backward(n, d1.data(), d2.data(), a.data(), z.data(), z.data(), acc.data());
    primal_backward(n, d1.data(), a.data(), p.data(), p.data());
    primal_backward(n, d1.data(), nullptr, q.data(), q.data());
    add(n, y.data(), b.data(), y.data());
    Guarded squares(1, n, n), second(1, n, n), bend(1, n, n), down(1, n, n), curved(1, n, n), curved_acc(1, n, n);
    for (Guarded* g : {&squares, &curved_acc}) std::copy(a.begin(), a.end(), g->data());
    for (Guarded* g : {&down, &curved}) std::copy(b.begin(), b.end(), g->data());
    add_squares(n, b.data(), squares.data());
    second_forward(n, d1.data(), d2.data(), a.data(), b.data(), n % 2 == 0 ? a.data() : nullptr, second.data());
    second_backward(n, d1.data(), d2.data(), b.data(), a.data(), d1.data(), down.data(), down.data(), bend.data());
    curved_tangent_backward(n, d1.data(), d2.data(), a.data(), curved.data(), d2.data(), curved.data(),
                            curved_acc.data());
    for (std::size_t i = 0; i < size; ++i) {
      const double x = a[i], y = b[i], one = d1[i], two = d2[i];
      ASSERT_NEAR(squares.data()[i], x + y * y, 8 * kEps);
      ASSERT_NEAR(second.data()[i], one * x + two * y + (n % 2 == 0 ? x : 0), 8 * kEps);
      ASSERT_NEAR(bend.data()[i], (two * x + y * one) * y, 8 * kEps);
      ASSERT_NEAR(down.data()[i], one * y, 8 * kEps);
      ASSERT_NEAR(curved.data()[i], one * y + 2 * two * x * two, 8 * kEps);
      ASSERT_NEAR(curved_acc.data()[i], x + two * x * y, 8 * kEps);
      float alone, acc_alone = a[i];
      curved_tangent_backward(1, &d1[i], &d2[i], &a[i], &b[i], &d2[i], &alone, &acc_alone);
      ASSERT_TRUE(alone == curved.data()[i] && acc_alone == curved_acc.data()[i]);
    }
    for (Guarded* g : {&squares, &second, &bend, &down, &curved, &curved_acc}) ASSERT_TRUE(g->guards_hold());
    for (std::size_t i = 0; i < size; ++i) {
      float h1, z1, acc1 = a[i], p1;
      tangent_forward(1, &d1[i], &a[i], &b[i], &h1);
      tangent_backward(1, &d1[i], &d2[i], &a[i], &b[i], &z1, &acc1);
      primal_backward(1, &d1[i], &a[i], &b[i], &p1);
      ASSERT_TRUE(h1 == h.data()[i] && z1 == z.data()[i] && acc1 == acc.data()[i] && p1 == p.data()[i])
          << n << " " << i;
      ASSERT_NEAR(h1, double{d1[i]} * a[i] + b[i], 8 * kEps);
      ASSERT_NEAR(acc1, a[i] + double{d2[i]} * a[i] * b[i], 16 * kEps);
      ASSERT_NEAR(p1, double{d1[i]} * b[i] + a[i], 8 * kEps);
      ASSERT_TRUE(z1 == d1[i] * b[i] && q.data()[i] == z1 && y.data()[i] == a[i] + b[i]);
    }
    for (Guarded* g : {&h, &z, &acc, &p, &q, &y}) ASSERT_TRUE(g->guards_hold()) << n;
  }
}

TEST_P(Simd, PerturbedRowsAreTheirFormulaToTheBit) {
  constexpr int kRows = 9;
  for (int width = 1; width <= 70; ++width) {
    const auto size = static_cast<std::size_t>(kRows * width);
    const auto x = random_floats(size, 1), eps = random_floats(size, 2), shift = random_floats(kRows, 3),
               c = random_floats(kRows, 4);
    Guarded sum(kRows, width, width), alone(kRows, width, width), out(kRows, width, width + 5);
    perturb_rows(kRows, width, x.data(), shift.data(), eps.data(), c.data(), sum.data(), out.data(), width + 5);
    perturb_rows(kRows, width, x.data(), shift.data(), eps.data(), c.data(), alone.data(), nullptr, 0);
    for (std::size_t r = 0; r < kRows; ++r)
      for (std::size_t i = 0; i < static_cast<std::size_t>(width); ++i) {
        const std::size_t at = r * static_cast<std::size_t>(width) + i;
        const float product = shift[r] * eps[at], there = x[at] + product;
        ASSERT_EQ(sum.data()[at], there);
        ASSERT_EQ(alone.data()[at], there);
        ASSERT_EQ(out.row(static_cast<int>(r))[i], c[r] * there);
      }
    for (Guarded* g : {&sum, &alone, &out}) ASSERT_TRUE(g->guards_hold()) << width;
  }
}

TEST_P(Simd, RowsAndColumns) {
  constexpr int kRows = 9;
  for (int width = 1; width <= 150; ++width) {
    const auto size = static_cast<std::size_t>(kRows * width);
    const auto a = random_floats(size, 1), b = random_floats(size, 2), f = random_floats(kRows, 3);
    Guarded sums(1, width, width), scaled(kRows, width, width), added(kRows, width, width), m(kRows, width, width + 3);
    std::copy(b.begin(), b.begin() + width, sums.data());
    std::copy(b.begin(), b.end(), added.data());
    for (int r = 0; r < kRows; ++r) std::copy_n(a.data() + r * width, width, m.row(r));
    add_column_sums(kRows, width, width + 3, m.data(), sums.data());
    scale_rows(kRows, width, f.data(), a.data(), scaled.data());
    add_scaled_rows(kRows, width, f.data(), a.data(), added.data());
    double dot[kRows];
    dot_rows(kRows, width, a.data(), b.data(), dot);
    for (int c = 0; c < width; ++c) {
      float sum = 0;
      for (int r = 0; r < kRows; ++r) {
        const auto i = static_cast<std::size_t>(r * width + c), row = static_cast<std::size_t>(r);
        sum += a[i];
        float alone = b[i];
        add_scaled_rows(1, 1, &f[row], &a[i], &alone);
        ASSERT_TRUE(scaled.data()[i] == f[row] * a[i] && added.data()[i] == alone);
        ASSERT_NEAR(alone, double{f[row]} * a[i] + b[i], 8 * kEps);
      }
      ASSERT_EQ(sums.data()[c], b[static_cast<std::size_t>(c)] + sum);
    }
    for (int r = 0; r < kRows; ++r)
      ASSERT_EQ(dot[r], sum_of_products(width, &a[size_t(r * width)], &b[size_t(r * width)]));
    ASSERT_EQ(sum_of_squares(a.data(), width), sum_of_products(width, a.data(), a.data()));
    for (Guarded* g : {&sums, &scaled, &added, &m}) ASSERT_TRUE(g->guards_hold()) << width;
  }
}

TEST_P(Simd, AdamSteps) {
  const double beta1 = 0.9, beta2 = 0.999, rate = 1e-2, decay = 0.1, epsilon = 1e-8, ema_decay = 0.99, scale = 0.5;
  for (int n = 1; n <= 70; ++n) {
    const auto size = static_cast<std::size_t>(n);
    const auto start = random_floats(size, 1);
    std::vector<double> p(start.begin(), start.end()), m(size), v(size), ema(p);
    Guarded params(1, n, n), first(1, n, n), second(1, n, n), average(1, n, n), no_average(1, n, n);
    std::vector<float> alone(start), alone_first(size), alone_second(size), alone_average(start);
    for (Guarded* g : {&params, &average, &no_average}) std::copy(start.begin(), start.end(), g->data());
    for (Guarded* g : {&first, &second}) std::fill_n(g->data(), n, 0.0f);
    for (int t = 1; t <= 20; ++t) {
      const auto grad = random_floats(size, static_cast<unsigned>(100 + t));
      const double bias1 = 1 - std::pow(beta1, t), root_bias2 = std::sqrt(1 - std::pow(beta2, t));
      const AdamScalars scalars = {float(scale),        float(1 - beta1),      float(1 - beta2), float(rate * decay),
                                   float(rate / bias1), float(1 / root_bias2), float(epsilon),   float(1 - ema_decay)};
      adam_update(n, scalars, grad.data(), params.data(), first.data(), second.data(), average.data());
      for (std::size_t i = 0; i < size; ++i) {
        const double g = scale * grad[i];
        m[i] = beta1 * m[i] + (1 - beta1) * g;
        v[i] = beta2 * v[i] + (1 - beta2) * g * g;
        p[i] -= rate * decay * p[i];
        p[i] -= rate / bias1 * m[i] / (std::sqrt(v[i]) / root_bias2 + epsilon);
        ema[i] = ema_decay * ema[i] + (1 - ema_decay) * p[i];
        adam_update(1, scalars, &grad[i], &alone[i], &alone_first[i], &alone_second[i], &alone_average[i]);
        ASSERT_NEAR(params.data()[i], p[i], 2e-6);
        ASSERT_NEAR(average.data()[i], ema[i], 2e-6);
        ASSERT_NEAR(first.data()[i], m[i], 1e-6);
        ASSERT_NEAR(second.data()[i], v[i], 1e-6 * v[i]);
      }
    }
    EXPECT_TRUE(same_bits(params.data(), alone.data(), size) && same_bits(first.data(), alone_first.data(), size));
    EXPECT_TRUE(same_bits(second.data(), alone_second.data(), size) &&
                same_bits(average.data(), alone_average.data(), size));
    AdamScalars still = {};
    adam_update(n, still, start.data(), no_average.data(), first.data(), second.data(), nullptr);
    EXPECT_TRUE(same_bits(no_average.data(), start.data(), size));
    for (Guarded* g : {&params, &first, &second, &average, &no_average}) ASSERT_TRUE(g->guards_hold()) << n;
  }
}

}  // namespace
