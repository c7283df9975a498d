// Forms the network input of one sample: sigma and the values that follow from it once per row, then groups of four
// columns.
#pragma once
#include "device/coefficients.cuh"
#include "device/perturbed.cuh"

namespace scorematch {
namespace kernels {

struct RowLevel {
  float sigma, c;
  double log_sigma;
  std::int64_t place;  // the row of x, or its complement for a sample without a context

  SCOREMATCH_DEVICE bool has_context() const { return place >= 0; }
  SCOREMATCH_DEVICE std::int64_t row() const { return place < 0 ? ~place : place; }
};

/// Whether sample n, which is this row of x, has a context.
SCOREMATCH_DEVICE bool has_context(const ContextSource& context, const Noise& noise, std::int64_t n, std::int64_t row) {
  if (context.values.data == nullptr && context.labels == nullptr) return false;
  if (context.present != nullptr && ptx::in_global(context.present)[row] == 0.0f) return false;
  if (context.drop_below == 0) return true;
  return sample_noise(noise, n).block(philox::Purpose::context, 0).word[0] >= context.drop_below;
}

/// sigma of sample n and the values that follow from it, without its context. sigma is 1 for a padding row.
SCOREMATCH_DEVICE RowLevel find_level(const BatchParams& batch, const Features& features, std::int64_t n,
                                      bool is_sample) {
  RowLevel level{1.0f, 1.0f, 0.0, 0};
  if (!is_sample) return level;
  level.sigma = sigma_of(batch.sigma, batch.noise, n);
  level.c = coefficients(batch.parameterization, level.sigma).c;
  level.log_sigma = features.kind == ConditioningKind::none ? 0.0 : log(static_cast<double>(level.sigma));
  level.place = row_of(batch.data, batch.noise, n);
  return level;
}
SCOREMATCH_DEVICE RowLevel find_level_and_context(const BatchParams& batch, const Features& features, std::int64_t n,
                                                  bool is_sample) {
  RowLevel level = find_level(batch, features, n, is_sample);
  if (batch.context.columns > 0 && is_sample && !has_context(batch.context, batch.noise, n, level.place))
    level.place = ~level.place;
  return level;
}

/// Column k of e(sigma).
SCOREMATCH_DEVICE float feature(const Features& features, double log_sigma, int k) {
  if (features.kind == ConditioningKind::log_sigma) return static_cast<float>(log_sigma);
  const int half = features.count / 2;
  const double turns = 2.0 * ptx::in_global(features.frequencies)[k < half ? k : k - half] * log_sigma;  // half turns
  return static_cast<float>(k < half ? sinpi(turns) : cospi(turns));
}

/// Writes e(sigma), then zeros, into the columns of a group that are past x.
SCOREMATCH_DEVICE void fill_features(const Features& features, int dim, bool is_sample, double log_sigma, int group,
                                     float (&x)[4]) {
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) {
    const int k = 4 * group + i - dim;
    if (k >= 0) x[i] = is_sample && k < features.count ? feature(features, log_sigma, k) : 0.0f;
  }
}

/// Column k of the context of a row.
SCOREMATCH_DEVICE float context_column(const ContextSource& context, std::int64_t row, int k) {
  if (k >= context.columns) return 1.0f;
  if (context.labels != nullptr) return ptx::in_global(context.labels)[row * context.label_stride] == k ? 1.0f : 0.0f;
  return ptx::in_global(context.values.data)[row * context.values.stride + k];
}

/// Writes the context of a sample that has one into the columns of a group that are past x and e(sigma). @param first
/// their first column
SCOREMATCH_DEVICE void fill_context(const ContextSource& context, std::int64_t row, int first, int group,
                                    float (&x)[4]) {
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) {
    const int k = 4 * group + i - first;
    if (k >= 0 && k < context.total) x[i] = context_column(context, row, k);
  }
}

/// The values common to all groups of a row, in registers. The network input and eps, if it is saved, are in the memory
/// of the tile, kTile.
template <class T, Space kTile = Space::global>
struct PerturbRow {
  const Features& features;
  const ContextSource& context;
  PerturbedSample<> point;
  double log_sigma;
  std::int64_t place;
  float c;
  bool is_sample;
  T* net_input;  // any of the output pointers may be null: not wanted
  int net_columns;
  float *x_tilde, *eps_out;

  SCOREMATCH_DEVICE void store_group(int group) const {
    float out[4] = {}, noise[4];
    const int dim = point.dim;
    if (is_sample) {
      point.get4(group, out, noise);
      if (x_tilde != nullptr) write4(ptx::in_global(x_tilde), group, dim, out);
      if (eps_out != nullptr) write4(ptx::in<kTile>(eps_out), group, dim, noise);
    }
    if (net_input == nullptr) return;
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) out[i] *= c;
    if (4 * group + 4 > dim) fill_features(features, dim, is_sample, log_sigma, group, out);
    if (context.columns > 0 && is_sample && place >= 0) fill_context(context, place, dim + features.count, group, out);
    write4(ptx::in<kTile>(net_input), group, net_columns, out);
  }
};

}  // namespace kernels
}  // namespace scorematch
