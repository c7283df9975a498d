/// @file
/// A layer's bias, activation and residual on many rows at once, with the derivatives that the jet needs, float32.
#pragma once
#include "scorematch/mlp.h"

namespace scorematch {
namespace cpu {

/// t = z + bias, h = phi(t) (+ residual), d1 = phi'(t), d2 = phi''(t); t and the last sum are rounded to float.
///
/// Errors for the rounded t, |t| <= 100, eps = 2^-23: see kActivationBounds in the test. Finite t gives finite results;
/// NaN gives NaN in its own element only. An element's bits do not depend on its place.
/// @param order 0: h; 1: h and d1; 2: h, d1 and d2. What is not asked for is not touched and may be null.
/// @param width a multiple of 16; arrays [rows, width] are dense, best aligned to 64 bytes
/// @param bias [width], any alignment @param residual [rows, width] or null @param h [rows, width], may be z or
/// residual
void activate(Activation activation, int order, int rows, int width, const float* bias, const float* residual,
              const float* z, float* h, float* d1, float* d2);

}  // namespace cpu
}  // namespace scorematch
