/// @file
/// One step of Adam on a flat vector, and the norm for gradient clipping, float32.
#pragma once
#include <cstdint>

namespace scorematch {
namespace cpu {

/// The factors of a step. The caller computes them in double, then rounds them.
struct AdamScalars {
  float grad_scale = 1;           ///< clipping and 1 / loss_scale
  float one_minus_beta1 = 0.1f;   ///< 1 - beta1
  float one_minus_beta2 = 1e-3f;  ///< 1 - beta2
  float weight_decay = 0;         ///< learning_rate * weight decay
  float step_size = 0;            ///< learning_rate / (1 - beta1^t)
  float inv_sqrt_bias2 = 1;       ///< 1 / sqrt(1 - beta2^t)
  float epsilon = 1e-8f;
  float one_minus_ema_decay = 0;  ///< 1 - ema_decay
};

/// Sum of x[i]^2. The squares are exact and are added in double, in an order that depends on n only, so the result has
/// the same bits on every instruction set. Relative error at most (n / 16 + 4) 2^-53. @param x [n], any alignment
double sum_of_squares(const float* x, std::int64_t n);

/// Decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2), as torch.optim.AdamW:
///
///     g = grad_scale grad                                   p -= weight_decay p
///     first += (1 - beta1) (g - first)                      p -= step_size first / (sqrt(second) / sqrt(bias2) + eps)
///     second += (1 - beta2) (g^2 - second)                  ema += (1 - ema_decay) (p - ema)
///
/// The averages have this form because beta and 1 - beta, each rounded, do not add up to 1: the average of a constant
/// would drift. The bits of an element do not depend on its position. @param grad, params, first, second [n], any
/// alignment @param ema [n] or null
void adam_update(std::int64_t n, const AdamScalars& scalars, const float* grad, float* params, float* first,
                 float* second, float* ema);

}  // namespace cpu
}  // namespace scorematch
