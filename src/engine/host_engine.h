// Common to the engines that compute on the host: plain memory, and arguments whose values can be read.
#pragma once
#include <cmath>
#include <cstdint>
#include <string>

#include "engine/backend.h"
#include "model/network.h"
#include "scorematch/philox.h"

namespace scorematch {

struct HostEngine : Engine::Impl {
  using Engine::Impl::Impl;
  std::shared_ptr<void> allocate(std::size_t bytes, Content content) override;
  void check_stream(CUstream_st* stream) const override;
  void copy_in(Queue::Impl& queue, void* to, const void* host, std::size_t bytes) override;
  void copy_out(Queue::Impl& queue, void* host, const void* from, std::size_t bytes) override;
  void synchronize(Queue::Impl& queue) override;
  void advance(Queue::Impl& queue, NoiseState::Position* position) override;
  void write_rows(Queue::Impl& queue, const Batch& batch, const View& rows) override;
  void estimate(Queue::Impl& queue, const ConstView& values, Estimate* estimate) override;
};

/// Element `index` of a dense or strided view of rank 1.
inline double element(const ConstView& view, std::int64_t index) {
  const std::int64_t at = index * view.stride[0];
  return view.dtype == DType::f32 ? static_cast<double>(static_cast<const float*>(view.data)[at])
                                  : static_cast<const double*>(view.data)[at];
}

/// Sample n's value of a view [N] or [1].
inline double per_sample(const ConstView& view, std::int64_t n) {
  return element(view, view.shape.extent[0] == 1 ? 0 : n);
}

/// Which row of the data is sample n.
class RowIndex {
 public:
  explicit RowIndex(const Batch& in)
      : rows_(static_cast<const std::int64_t*>(in.rows.data)), drawn_(in.draw_rows != 0), count_(in.x.shape.extent[0]) {
    if (drawn_) noise_ = *static_cast<const NoiseState::Position*>(in.noise.state), first_ = in.noise.sample_offset;
  }
  std::int64_t operator()(std::int64_t n) const {
    if (rows_ != nullptr) return rows_[n];
    if (!drawn_) return n;
    const auto sample = static_cast<std::uint64_t>(noise_.first_sample + first_ + n);
    const auto counter = philox::counter(philox::Purpose::row, static_cast<std::uint64_t>(noise_.step), sample, 0);
    return static_cast<std::int64_t>(
        philox::index(philox::philox4x32_10(counter, noise_.seed), static_cast<std::uint64_t>(count_)));
  }

 private:
  const std::int64_t* rows_;
  bool drawn_;
  std::int64_t count_, first_ = 0;
  NoiseState::Position noise_{};
};

/// Which samples of a batch have a context, and where.
class ContextRows {
 public:
  /// @param dropout of the loss
  ContextRows(const Batch& in, const Context& context, double dropout = 0)
      : given_(in.labels.empty() ? in.context : in.labels),
        present_(in.present),
        row_of_(in),
        noise_(in.noise),
        threshold_(drop_threshold(dropout)),
        any_(context.columns > 0 && !given_.empty()) {}

  /// The row of the batch's context or labels for sample n, or -1 if it has none.
  std::int64_t operator()(std::int64_t n) const {
    if (!any_) return -1;
    const std::int64_t row = row_of_(n);
    if (!present_.empty() && element(present_, row) == 0) return -1;
    if (threshold_ > 0 && word(n) < threshold_) return -1;
    return given_.shape.extent[0] == 1 ? 0 : row;
  }

 private:
  std::uint32_t word(std::int64_t n) const {
    const auto& at = *static_cast<const NoiseState::Position*>(noise_.state);
    const auto sample = static_cast<std::uint64_t>(at.first_sample + noise_.sample_offset + n);
    const auto counter = philox::counter(philox::Purpose::context, static_cast<std::uint64_t>(at.step), sample, 0);
    return philox::philox4x32_10(counter, at.seed).word[0];
  }

  ConstView given_, present_;
  RowIndex row_of_;
  NoiseRef noise_;
  std::uint32_t threshold_;
  bool any_;
};

/// sigma > 0, rows are in range, and so are positions in the noise. @throws Error before anything is written.
void check_sigma_values(const ConstView& sigma);
void check_row_values(const ConstView& rows, std::int64_t row_count);
void check_noise_range(const NoiseRef& noise, std::int64_t batch);

void check_label_values(const ConstView& labels, int classes);

/// All of these checks, for a batch of `count` samples. @param classes of its labels
inline void check_host_values(const Batch& batch, std::int64_t count, int classes = 0) {
  check_sigma_values(batch.sigma);
  check_label_values(batch.labels, classes);
  if (!batch.x.empty()) check_row_values(batch.rows, batch.x.shape.extent[0]);
  check_noise_range(batch.noise, count);
}

/// Adds a value to the mean and the squared deviations (Welford 1962).
inline void add_to(Estimate& estimate, double value) {
  estimate.count += 1;
  const double delta = value - estimate.mean;
  estimate.mean += delta / estimate.count;
  estimate.m2 += delta * (value - estimate.mean);
}

inline void store(Estimate* to, const Estimate& part, bool accumulate) {
  if (to != nullptr) *to = accumulate ? to->merged(part) : part;
}

}  // namespace scorematch
