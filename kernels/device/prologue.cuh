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
    level.log_sigma = p.features.kind == ConditioningKind::none ? 0.0 : log(static_cast<double>(level.sigma));
    level.x = data_row(p.data, p.noise, n);
  }
  if (p.sigma_out != nullptr) ptx::in_global(p.sigma_out)[row] = level.sigma;
  return level;
}

/// Column `k` of e(sigma).
SCOREMATCH_DEVICE float feature(const Features& features, double log_sigma, int k) {
  if (features.kind == ConditioningKind::log_sigma) return static_cast<float>(log_sigma);
  const int half = features.count / 2;
  const double turns =
      2.0 * ptx::in_global(features.frequencies)[k < half ? k : k - half] * log_sigma;  // of half a circle
  return static_cast<float>(k < half ? sinpi(turns) : cospi(turns));
}

/// e(sigma), then zeros, into those of a group's columns that are past x.
SCOREMATCH_DEVICE void fill_features(const Features& features, int dim, bool is_sample, double log_sigma, int group,
                                     float (&x)[4]) {
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) {
    const int k = 4 * group + i - dim;
    if (k >= 0) x[i] = is_sample && k < features.count ? feature(features, log_sigma, k) : 0.0f;
  }
}

/// What a row's groups have in common, in registers. The network's input and what is kept of eps lie where the tile is.
template <class T, Space kTile = Space::global>
struct PerturbRow {
  const PerturbParams& p;
  const RowLevel& level;
  bool is_sample;
  const float* x;
  SampleEps<> eps;
  float step, c;
  float *x_tilde, *eps_out;
  T* net_input;
  int dim, net_columns;

  SCOREMATCH_DEVICE PerturbRow(const PerturbParams& params, std::int64_t row, const RowLevel& level_)
      : p(params),
        level(level_),
        is_sample(row < params.batch),
        x(level_.x),
        eps(params.eps, params.noise, params.first + row, params.dim),
        step(params.point * level_.sigma),
        c(level_.c),
        x_tilde(params.x_tilde == nullptr ? nullptr : params.x_tilde + row * params.x_tilde_stride),
        eps_out(params.eps_out == nullptr ? nullptr : params.eps_out + row * params.eps_stride),
        net_input(params.net_input == nullptr ? nullptr : static_cast<T*>(params.net_input) + row * params.net_stride),
        dim(params.dim),
        net_columns(params.net_columns) {}

  SCOREMATCH_DEVICE void store_group(int group) const {
    float out[4] = {}, noise[4] = {};
    if (is_sample) {
      read4(ptx::in_global(x), group, dim, out);
      if (eps.is_perturbed) eps.get4(group, noise);
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) out[i] = fmaf(step, noise[i], out[i]);
      if (x_tilde != nullptr) write4(ptx::in_global(x_tilde), group, dim, out);
      if (eps_out != nullptr) write4(ptx::in<kTile>(eps_out), group, dim, noise);
    }
    if (net_input == nullptr) return;
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) out[i] *= c;
    if (4 * group + 4 > dim) fill_features(p.features, dim, is_sample, level.log_sigma, group, out);
    write4(ptx::in<kTile>(net_input), group, net_columns, out);
  }
};

}  // namespace kernels
}  // namespace scorematch
