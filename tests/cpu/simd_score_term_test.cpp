// The part of a term that depends on s only is bit-identical to its formula, evaluated step by step in double, on every
// instruction set of this machine.
#include "cpu/simd/score_term.h"

#include <array>
#include <vector>

#include "support/simd.h"  // simd_test.cpp instantiates Simd

namespace {
using namespace scorematch;
using namespace scorematch::cpu;

TEST_P(Simd, ScoreTermIsItsFormula) {
  for (int dim = 1; dim <= 67; ++dim)
    for (const bool complete : {false, true})
      for (const bool has_bias : {false, true})
        for (const bool has_target : {false, true}) {
          const auto size = static_cast<std::size_t>(dim);
          const auto x = random_floats(size, 1), f = random_floats(size, 2), bias = random_floats(size, 3),
                     target = random_floats(size, 4), before = random_floats(size, 5), eps = random_floats(size, 6);
          const ScoreTerm term{-0.3, 1.7, 0.6, complete ? 1.0 : 0.8, -1.25, complete, 0.01, -0.003};
          const bool has_eps = dim % 2 == 0;
          Guarded output(1, dim, dim), input(1, dim, dim);
          std::copy(f.begin(), f.end(), output.data());  // in place, as the engine uses it
          std::copy(before.begin(), before.end(), input.data());
          const double loss = score_term_row(term, dim, x.data(), has_eps ? eps.data() : nullptr, output.data(),
                                             has_bias ? bias.data() : nullptr, has_target ? target.data() : nullptr,
                                             output.data(), input.data());
          std::array<double, 16> partial{};
          for (std::size_t i = 0; i < size; ++i) {
            const double y = has_bias ? double{f[i]} + double{bias[i]} : double{f[i]};
            const double point = has_eps ? double{x[i]} + term.step * double{eps[i]} : double{x[i]};
            const double s = term.a * point + term.b * y, g = has_target ? term.target_scale * double{target[i]} : 0;
            const double gradient = term.quadratic * s + g;
            partial[i % 16] += complete ? 0.5 * ((s + g) * (s + g)) : (0.5 * term.quadratic * s + g) * s;
            ASSERT_EQ(output.data()[i], static_cast<float>(term.output_factor * gradient)) << dim << " " << i;
            ASSERT_EQ(input.data()[i], before[i] + static_cast<float>(term.input_factor * gradient)) << dim << " " << i;
          }
          for (std::size_t half = 8; half > 0; half /= 2)
            for (std::size_t k = 0; k < half; ++k) partial[k] += partial[k + half];
          ASSERT_EQ(loss, partial[0]) << dim;
          ASSERT_TRUE(output.guards_hold() && input.guards_hold()) << dim;
        }
}

}  // namespace
