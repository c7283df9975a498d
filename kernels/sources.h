// Where samples, their noise and their coefficients come from, as every kernel that draws or forms them is told.
#pragma once
#include <cstdint>

namespace scorematch {
namespace kernels {

/// scorematch::NoiseState::Position, in device memory.
struct NoisePosition {
  std::uint64_t seed;
  std::int64_t step;
  std::int64_t first_sample;
};

/// Sample `first_sample + sample_offset` is row 0.
struct Noise {
  const NoisePosition* position = nullptr;
  std::int64_t sample_offset = 0;
  bool fast_normals = false;  // by the special function unit, within 2^-16
};

/// Rows apart, last axis contiguous.
struct Table {
  const float* data = nullptr;  // [rows, columns]; null: not given
  std::int64_t stride = 0;      // elements from row to row
};

/// x, [R, dim]: sample n is row n, row `rows[n]`, or one drawn from the noise.
struct DataRows {
  Table x;
  std::int64_t row_count = 0;
  const std::int64_t* rows = nullptr;
  bool drawn = false;
};

struct SigmaLaw {
  enum class Kind { one, single, geometric, log_uniform, log_normal };
  Kind kind = Kind::one;
  double low = 1, high = 1;  // sigma_min, sigma_max; single: high; log_normal: mean, deviation
  int levels = 0;
  double log_ratio = 0;  // ln(low / high) of the laws between the two
};

/// sigma of sample n: given[n * given_stride], or drawn.
struct SigmaSource {
  const float* given = nullptr;
  std::int64_t given_stride = 0;  // 1, or 0 for one value for all
  SigmaLaw law;
};

/// eps of sample n: given, drawn, or (perturbed false) zero.
struct EpsSource {
  bool perturbed = false;
  Table given;
};

struct DirectionSource {
  enum class Law { gaussian, rademacher, sphere, basis };
  Law law = Law::gaussian;
  const float* given = nullptr;  // [M, N, dim]; null: drawn
  std::int64_t given_plane = 0, given_stride = 0;
};

/// s = a x_tilde + b F(c x_tilde, e(sigma))
struct Parameterization {
  enum class Kind { plain, ncsn, noise_prediction, edm };
  Kind kind = Kind::plain;
  double sigma_data = 1;
};

struct Weighting {
  enum class Kind { none, sigma2, edm };
  Kind kind = Kind::none;
  double sigma_data = 1;
};

/// e(sigma): nothing, ln sigma, or sin and cos of 2 pi w_k ln sigma.
struct Features {
  enum class Kind { none, log_sigma, fourier };
  Kind kind = Kind::none;
  int count = 0;                        // columns
  const double* frequencies = nullptr;  // [count / 2], device memory
};

}  // namespace kernels
}  // namespace scorematch
