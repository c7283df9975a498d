// The caller's arrays, float or double, as rows of doubles.
#pragma once
#include <cstdint>
#include <vector>

#include "engine/host_engine.h"
#include "model/network.h"
#include "reference/directions.h"
#include "reference/sample.h"

namespace scorematch::reference {

/// Row (m, n) of a view [M, N, d], row n of [N, d], or all of [P] for n = 0.
inline std::vector<double> row(const ConstView& view, std::int64_t n, std::int64_t m = 0) {
  const int rank = view.shape.rank;
  const std::int64_t start = (rank > 1 ? n * view.stride[rank - 2] : 0) + (rank > 2 ? m * view.stride[0] : 0);
  std::vector<double> values;
  for (std::int64_t i = start; i < start + view.shape.extent[rank - 1]; ++i)
    values.push_back(view.dtype == DType::f32 ? static_cast<double>(static_cast<const float*>(view.data)[i])
                                              : static_cast<const double*>(view.data)[i]);
  return values;
}

/// Stores a row in an output, which may be empty. @param add whether to add to the values there
inline void put(const View& view, std::int64_t n, const std::vector<double>& values, std::int64_t m = 0,
                bool add = false) {
  if (view.empty()) return;
  const int rank = view.shape.rank;
  const std::int64_t start = (rank > 1 ? n * view.stride[rank - 2] : 0) + (rank > 2 ? m * view.stride[0] : 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::int64_t at = start + static_cast<std::int64_t>(i);
    if (view.dtype == DType::f32) {
      float& to = static_cast<float*>(view.data)[at];
      to = static_cast<float>(values[i] + (add ? static_cast<double>(to) : 0));
    } else {
      double& to = static_cast<double*>(view.data)[at];
      to = values[i] + (add ? to : 0);
    }
  }
}

inline void put_element(const View& view, std::int64_t n, double value) {
  if (view.empty()) return;
  if (view.dtype == DType::f32)
    static_cast<float*>(view.data)[n] = static_cast<float>(value);
  else
    static_cast<double*>(view.data)[n] = value;
}

/// Stores column n of a view [M, N], which may be empty.
inline void put_column(const View& view, std::int64_t n, const std::vector<double>& values) {
  if (view.empty()) return;
  for (std::size_t m = 0; m < values.size(); ++m)
    put_element(view, static_cast<std::int64_t>(m) * view.stride[0] + n, values[m]);
}

/// sigma of sample n: given, drawn, or 1 if nothing uses it.
inline double sigma_of(const Batch& in, const NoiseSchedule& schedule, std::int64_t n) {
  if (!in.sigma.empty()) return per_sample(in.sigma, n);
  if (schedule.kind == NoiseSchedule::Kind::single) return schedule.sigma_max;
  if (!is_drawn(schedule)) return 1;
  return draw_sigma(SampleNoise(in.noise, n), schedule);
}

inline std::vector<double> eps_of(const Batch& in, int dim, std::int64_t n) {
  return in.eps.empty() ? draw_eps(SampleNoise(in.noise, n), dim) : row(in.eps, n);
}

/// The columns of the network's input for row `at` of the context or the labels, or zeros if it is -1.
inline std::vector<double> context_of(const Batch& in, const Context& context, std::int64_t at) {
  std::vector<double> columns(static_cast<std::size_t>(context_count(context)), 0.0);
  if (at < 0) return columns;
  if (in.labels.empty()) {
    const std::vector<double> given = row(in.context, at);
    std::copy(given.begin(), given.end(), columns.begin());
  } else {
    columns[static_cast<std::size_t>(static_cast<const std::int64_t*>(in.labels.data)[at])] = 1;
  }
  if (context.optional) columns.back() = 1;
  return columns;
}

/// The `count` directions of sample n.
inline std::vector<std::vector<double>> directions_of(const Batch& in, int count, Projection distribution, int dim,
                                                      std::int64_t n) {
  std::vector<std::vector<double>> v;
  for (int m = 0; m < count; ++m)
    v.push_back(in.directions.empty()
                    ? draw_direction(SampleNoise(in.noise, n), dim, distribution, static_cast<std::uint32_t>(m))
                    : row(in.directions, n, m));
  return v;
}

/// All that a loss needs of sample n, except x.
inline Sample<double> sample_of(const Batch& in, const Loss& loss, int dim, std::int64_t n) {
  const Needs needs = needs_of(loss.objective);
  Sample<double> sample;
  sample.sigma = sigma_of(in, loss.schedule, n);
  if (perturbs(loss, in.eps)) sample.eps = eps_of(in, dim, n);
  sample.directions = directions_of(in, needs.projections, needs.distribution, dim, n);
  if (needs.true_score) sample.true_score = row(in.true_score, n);
  if (!in.weight.empty()) sample.weight = element(in.weight, n);
  return sample;
}

}  // namespace scorematch::reference
