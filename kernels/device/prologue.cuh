// One sample into the network's input: sigma and what follows from it once a row, then groups of four columns.
#pragma once
#include "device/coefficients.cuh"
#include "device/noise.cuh"

namespace scorematch {
namespace kernels {

struct RowLevel {
  float sigma, c;
  double log_sigma;
  const float* x;
};

/// sigma of a row, 1 past the batch; stored where it is asked for.
SCOREMATCH_DEVICE RowLevel find_level(const PerturbParams& p, std::int64_t row) {
  const std::int64_t n = p.first + row;
  RowLevel level{1.0f, 1.0f, 0.0, nullptr};
  if (row < p.batch) {
    level.sigma = sigma_of(p.sigma, p.noise, n);
    level.c = coefficients(p.parameterization, level.sigma).c;
    level.log_sigma = p.features.kind == Features::Kind::none ? 0.0 : log(static_cast<double>(level.sigma));
    level.x = data_row(p.data, p.noise, n);
  }
  if (p.sigma_out != nullptr) p.sigma_out[row] = level.sigma;
  return level;
}

/// Column `k` of e(sigma).
SCOREMATCH_DEVICE float feature(const Features& features, double log_sigma, int k) {
  if (features.kind == Features::Kind::log_sigma) return static_cast<float>(log_sigma);
  const int half = features.count / 2;
  const double turns = 2.0 * features.frequencies[k < half ? k : k - half] * log_sigma;  // of half a circle
  return static_cast<float>(k < half ? sinpi(turns) : cospi(turns));
}

/// e(sigma), then zeros, into those of a group's columns that are past x.
SCOREMATCH_DEVICE void fill_features(const PerturbParams& p, std::int64_t row, const RowLevel& level, int group,
                                     float (&x)[4]) {
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) {
    const int k = 4 * group + i - p.dim;
    if (k >= 0) x[i] = row < p.batch && k < p.features.count ? feature(p.features, level.log_sigma, k) : 0.0f;
  }
}

template <class T>
SCOREMATCH_DEVICE void store_group(const PerturbParams& p, std::int64_t row, const RowLevel& level, int group) {
  float x[4] = {}, eps[4] = {};
  if (row < p.batch) {
    read4(level.x, group, p.dim, x);
    if (p.eps.perturbed) eps4(p.eps, p.noise, p.first + row, group, p.dim, eps);
    const float step = p.point * level.sigma;
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) x[i] = fmaf(step, eps[i], x[i]);
    if (p.x_tilde != nullptr) write4(p.x_tilde + row * p.x_tilde_stride, group, p.dim, x);
    if (p.eps_out != nullptr) write4(p.eps_out + row * p.eps_stride, group, p.dim, eps);
  }
  if (p.net_input == nullptr) return;
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) x[i] *= level.c;
  if (4 * group + 4 > p.dim) fill_features(p, row, level, group, x);
  write4(static_cast<T*>(p.net_input) + row * p.net_stride, group, p.net_columns, x);
}

}  // namespace kernels
}  // namespace scorematch
