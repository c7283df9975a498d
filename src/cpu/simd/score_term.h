/// @file
/// The part of an objective's term that depends on s alone, for one sample, in double from float32 arrays.
#pragma once

namespace scorematch {
namespace cpu {

/// With s = a x + b (f + bias) and g = target_scale target, the loss is q |s|^2 / 2 + s.g, or |s + g|^2 / 2 if
/// `complete_square`. The adjoint of s is q s + g.
struct ScoreTerm {
  double a, b, quadratic, target_scale;
  bool complete_square;
  double output_factor, input_factor;  // factors of the adjoint for the output and for x
};

/// Returns the loss; output_bar = output_factor (q s + g), input_bar += input_factor (q s + g), each rounded once. The
/// order of the sum depends on dim only, and no step is fused, so the bits are the same on every instruction set.
/// Arrays are [dim], any alignment. bias and target may be null, and output_bar may be f.
double score_term_row(const ScoreTerm& term, int dim, const float* x, const float* f, const float* bias,
                      const float* target, float* output_bar, float* input_bar);

}  // namespace cpu
}  // namespace scorematch
