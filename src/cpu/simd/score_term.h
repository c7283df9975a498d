/// @file
/// The part of an objective's term that depends on s alone, for one sample, in double from float32 arrays.
#pragma once

namespace scorematch {
namespace cpu {

/// With s = a (x + step eps) + b (f + bias) and g = target_scale target, the loss is q |s|^2 / 2 + s.g, or |s + g|^2 /
/// 2 if `complete_square`. The gradient of s is q s + g.
struct ScoreTerm {
  double a, b, step, quadratic, target_scale;
  bool complete_square;
  double output_factor, input_factor;  // from the gradient of s to that of the output and of x
};

/// Returns the loss; grad_output = output_factor (q s + g), grad_input += input_factor (q s + g), each rounded once.
/// The order of the sum depends on dim only, and no step is fused, so the result has the same bits on every instruction
/// set.
/// Arrays are [dim], any alignment; all but f and grad_output may be null, and grad_output may be f.
double score_term_row(const ScoreTerm& term, int dim, const float* x, const float* eps, const float* f,
                      const float* bias, const float* target, float* grad_output, float* grad_input);

}  // namespace cpu
}  // namespace scorematch
