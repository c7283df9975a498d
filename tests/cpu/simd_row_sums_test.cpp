// Sums of rows are bit-identical to their formulas, evaluated step by step, on every instruction set of this machine.
#include "cpu/simd/row_sums.h"

#include "support/simd.h"  // simd_test.cpp instantiates Simd

namespace {
using namespace scorematch;
using namespace scorematch::cpu;

TEST_P(Simd, ScoreRowIsItsFormula) {
  for (int dim = 1; dim <= 67; ++dim)
    for (const bool has_bias : {false, true}) {
      const auto size = static_cast<std::size_t>(dim);
      const auto x = random_floats(size, 1), f = random_floats(size, 2), bias = random_floats(size, 3);
      const double a = -0.3, b = 1.7;
      Guarded out(1, dim, dim);
      std::copy(f.begin(), f.end(), out.data());  // in place, as the engine uses it
      score_row(a, b, dim, x.data(), out.data(), has_bias ? bias.data() : nullptr, out.data());
      for (std::size_t i = 0; i < size; ++i) {
        const double output = has_bias ? double{f[i]} + double{bias[i]} : double{f[i]};
        ASSERT_EQ(out.data()[i], static_cast<float>(a * double{x[i]} + b * output)) << dim << " " << i;
      }
      ASSERT_TRUE(out.guards_hold()) << dim;
    }
}

TEST_P(Simd, UpdateRowIsItsFormula) {
  for (int dim = 1; dim <= 67; ++dim)
    for (int present = 0; present < 16; ++present) {  // bit 0: x; bits 1 to 3: the terms
      const auto size = static_cast<std::size_t>(dim);
      const auto x = random_floats(size, 1), s = random_floats(size, 2), t = random_floats(size, 3),
                 z = random_floats(size, 4);
      const auto term = [&](int bit, float factor, const std::vector<float>& of) {
        return Multiple{factor, (present & bit) != 0 ? of.data() : nullptr};
      };
      Guarded out(1, dim, dim);
      std::copy(x.begin(), x.end(), out.data());
      update_row(dim, (present & 1) != 0 ? out.data() : nullptr,
                 {term(2, 0.7f, s), term(4, -1.3f, t), term(8, 0.1f, z)}, out.data());
      for (std::size_t i = 0; i < size; ++i) {
        float expected = (present & 1) != 0 ? x[i] : 0.0f;
        if ((present & 2) != 0) expected += 0.7f * s[i];
        if ((present & 4) != 0) expected += -1.3f * t[i];
        if ((present & 8) != 0) expected += 0.1f * z[i];
        ASSERT_EQ(out.data()[i], expected) << dim << " " << i << " " << present;
      }
      ASSERT_TRUE(out.guards_hold()) << dim;
    }
}

}  // namespace
