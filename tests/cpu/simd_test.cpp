// The steps of the jet and of Adam in the cpu engine against scalar double, on every supported instruction set.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cpu/simd/adam.h"
#include "cpu/simd/jet.h"
#include "support/simd.h"

namespace {
using namespace scorematch;
using namespace scorematch::cpu;

constexpr double kEps = 0x1p-23;

INSTANTIATE_TEST_SUITE_P(Targets, Simd, testing::ValuesIn(targets()),
                         [](const auto& info) { return std::string(hwy::TargetName(info.param)); });

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
