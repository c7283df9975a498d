/// @file
/// Noise and Fourier features for many rows at once, float32. No function allocates. Rows need no alignment; strides
/// count elements. On one machine, an element of a sample has the same bits however the rows are split into calls.
/// Engines and instruction sets agree within the bounds below.
#pragma once
#include <cstdint>

#include "scorematch/philox.h"

namespace scorematch {
namespace cpu {

/// Selects the draws: row r is sample first_sample + r, a 48-bit number.
struct Draw {
  std::uint64_t seed = 0, step = 0, first_sample = 0;
  philox::Purpose purpose = philox::Purpose::eps;
  std::uint32_t direction = 0;
};

/// Standard normals by Box & Muller, paired as in philox.h: coordinate i is normal i mod 4 of group i / 4. At most 4
/// ulp from the exact value for the same uniforms (3.4 measured in 10^8 draws).
/// @param dim 1 .. 2^20; exactly dim columns per row are written @param out [rows, dim], row stride `stride` >= dim
void fill_normal(const Draw& draw, int rows, int dim, float* out, std::int64_t stride);

/// Rademacher signs, +-1, 128 per group: philox::sign.
/// @param dim 1 .. 2^25; exactly dim columns per row are written @param out [rows, dim], row stride `stride` >= dim
/// @param hadamard_rows [rows], multiplies the signs of a row by this row of a Hadamard matrix; null: does not
void fill_signs(const Draw& draw, int rows, int dim, float* out, std::int64_t stride,
                const std::uint32_t* hadamard_rows = nullptr);

/// out[r, k] = sin(2 pi w_k ln sigma_r), out[r, count + k] = cos(..). The product and its reduction to a fraction of a
/// turn are in double; the rest has an absolute error below 2e-7 (8e-8 measured).
/// @param ln_sigma [rows] @param frequencies [count], w_k @param out [rows, 2 count], row stride `stride` >= 2 count
void fill_fourier(const double* ln_sigma, int rows, const double* frequencies, int count, float* out,
                  std::int64_t stride);

}  // namespace cpu
}  // namespace scorematch
