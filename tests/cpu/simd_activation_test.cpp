// The activations and their derivatives against long double, on every supported instruction set.
#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cpu/simd/activation.h"
#include "support/simd.h"  // simd_test.cpp instantiates Simd

namespace {
using namespace scorematch;
using namespace scorematch::cpu;

constexpr double kEps = 0x1p-23;

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

}  // namespace
