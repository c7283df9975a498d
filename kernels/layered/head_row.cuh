// The values of a row of a layered head, from the parameters of its launch.
#pragma once
#include "device/head.cuh"

namespace scorematch {
namespace kernels {

SCOREMATCH_DEVICE HeadRow head_row(const HeadParams& p, std::int64_t row) {
  const std::int64_t sample = p.first + row;
  if (row >= p.batch) return padding_row(row, sample);
  const float sigma = p.sigma_rows != nullptr ? ptx::in_global(p.sigma_rows)[row] : sigma_of(p.sigma, p.noise, sample);
  return head_row(p, p.weighting, p.grad_factor, p.term.target, sigma, row, sample);
}

SCOREMATCH_DEVICE SampleScore<> sample_score(const HeadParams& p, const HeadRow& r) {
  return {p, r, SampleEps<>(p.eps, p.noise, r.sample, p.dim), p.term.score_point, p.output + r.row * p.output_stride};
}

/// v_m of a row, with the value that its columns share.
SCOREMATCH_DEVICE SampleDirection direction_of(const HeadParams& p, const HeadRow& r, int in_group) {
  SampleDirection direction(p.directions, p.noise, p.first_direction + in_group, r.sample, p.dim);
  if (p.direction_values != nullptr) direction.row_value = p.direction_values[in_group * p.rows + r.row];
  return direction;
}

}  // namespace kernels
}  // namespace scorematch
