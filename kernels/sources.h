// The sources of samples, of their noise and of their coefficients, for every kernel that draws or computes them.
#pragma once
#include <cmath>
#include <cstdint>

#include "scorematch/choices.h"

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
  bool fast_normals = false;  // with the special function unit, within 2^-16
};

/// A strided table; the last axis is contiguous.
struct Table {
  const float* data = nullptr;  // [rows, columns]; null: not given
  std::int64_t stride = 0;      // between rows, in elements
};

/// x, [R, dim]: sample n is row n, row `rows[n]`, or a row drawn at random.
struct DataRows {
  Table x;
  std::int64_t row_count = 0;
  const std::int64_t* rows = nullptr;
  bool drawn = false;
};

/// sigma of sample n: given[n * given_stride], or drawn.
struct SigmaSource {
  const float* given = nullptr;
  std::int64_t given_stride = 0;  // 1, or 0 for one value for all samples
  NoiseSchedule schedule;         // none: sigma is 1
  double log_ratio = 0;           // ln(sigma_min / sigma_max) of the schedule
  const double* table = nullptr;  // device memory: ln sigma of a process (scorematch/noise_table.h)
};

inline SigmaSource sigma_source(const NoiseSchedule& schedule, const float* given = nullptr,
                                std::int64_t given_stride = 0, const double* table = nullptr) {
  return {given, given_stride, schedule, std::log(schedule.sigma_min / schedule.sigma_max), table};
}

/// eps of sample n: given, drawn, or zero if `perturbed` is false.
struct EpsSource {
  bool perturbed = false;
  Table given;
};

/// v_m of sample n: unit vector m, given, or drawn.
struct DirectionSource {
  Projection distribution = Projection::gaussian;
  bool is_basis = false;
  const float* given = nullptr;  // [M, N, dim]; null: drawn
  std::int64_t given_plane = 0, given_stride = 0;
};

/// e(sigma): empty, ln sigma, or sin and cos of 2 pi w_k ln sigma.
struct Features {
  ConditioningKind kind = ConditioningKind::none;
  int count = 0;                        // columns
  const double* frequencies = nullptr;  // [count / 2], device memory
};

/// Columns of the network's input after e(sigma): a sample's context and, if it is optional, whether the sample has
/// one.
struct ContextSource {
  Table values;  // [R, columns]: row n of x has row n; a stride of 0: one row for all; null: none
  const std::int64_t* labels = nullptr;  // [R * label_stride]: the column that is 1, in place of values
  std::int64_t label_stride = 0;         // 1, or 0 for one label for all
  const float* present = nullptr;        // [R]: 0 for rows without a context; null: all have one
  int columns = 0, total = 0;            // total: with the column that says so
  std::uint32_t drop_below = 0;          // a sample's context is dropped if its word of the noise is smaller
};

}  // namespace kernels
}  // namespace scorematch
