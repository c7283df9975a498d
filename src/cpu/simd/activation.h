/// @file
/// The bias, activation and residual of a layer on many rows at once, with the derivatives that the jet needs, float32.
#pragma once
#include "scorematch/mlp.h"

namespace scorematch {
namespace cpu {

/// t = z + bias, h = phi(t) (+ residual), d1 = phi'(t), d2 = phi''(t), d3 = phi'''(t). t and the last sum are rounded
/// to float.
///
/// |error| <= 2^-23 (a |value| + b) + 2^-119 for every finite rounded t, where (a, b) is
///
/// |          | phi      | phi'      | phi''    | phi'''     |
/// |----------|----------|-----------|----------|------------|
/// | silu     | (2.5, 0) | (4, 0.5)  | (4, 0.5) | (4, 0.5)   |
/// | softplus | (2.5, 0) | (2.5, 0)  | (3.5, 0) | (4, 0.5)   |
/// | tanh     | (2.5, 0) | (3.5, 0)  | (5.5, 0) | (5.5, 4.5) |
/// | gelu     | (3.5, 0) | (4, 0.75) | (4, 0.5) | (5, 0.5)   |
///
/// Values therefore keep their relative accuracy down to where they are flushed to 0. A NaN affects only its own
/// element. The bits of an element depend neither on its position nor on the requested order.
/// @param order 0: h; 1: also d1; 2: also d2; 3: also d3. Outputs that are not requested are not written and may be
/// null.
/// @param width a multiple of 16; arrays [rows, width] are dense and fastest if aligned to 64 bytes
/// @param bias [width], any alignment @param residual [rows, width] or null @param h [rows, width], may be z or
/// residual
void activate(Activation activation, int order, int rows, int width, const float* bias, const float* residual,
              const float* z, float* h, float* d1, float* d2, float* d3);

}  // namespace cpu
}  // namespace scorematch
