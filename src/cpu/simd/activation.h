/// @file
/// A layer's bias, activation and residual on many rows at once, with the derivatives that the jet needs, float32.
#pragma once
#include "scorematch/mlp.h"

namespace scorematch {
namespace cpu {

/// t = z + bias, h = phi(t) (+ residual), d1 = phi'(t), d2 = phi''(t), d3 = phi'''(t); t and the last sum are rounded
/// to float.
///
/// |error| <= 2^-23 (a |value| + b) + 2^-119 for every finite rounded t, (a, b) being
///
/// |          | phi      | phi'      | phi''    | phi'''     |
/// |----------|----------|-----------|----------|------------|
/// | silu     | (2.5, 0) | (4, 0.5)  | (4, 0.5) | (4, 0.5)   |
/// | softplus | (2.5, 0) | (2.5, 0)  | (3.5, 0) | (4, 0.5)   |
/// | tanh     | (2.5, 0) | (3.5, 0)  | (5.5, 0) | (5.5, 4.5) |
/// | gelu     | (3.5, 0) | (4, 0.75) | (4, 0.5) | (5, 0.5)   |
///
/// so values keep their relative accuracy down to where they are flushed to 0. NaN gives NaN, in its own element only.
/// An element's bits depend neither on its place nor on the order asked for.
/// @param order 0: h; 1: h and d1; 2: d2 too; 3: d3 too. What is not asked for is not touched and may be null.
/// @param width a multiple of 16; arrays [rows, width] are dense, best aligned to 64 bytes
/// @param bias [width], any alignment @param residual [rows, width] or null @param h [rows, width], may be z or
/// residual
void activate(Activation activation, int order, int rows, int width, const float* bias, const float* residual,
              const float* z, float* h, float* d1, float* d2, float* d3);

}  // namespace cpu
}  // namespace scorematch
