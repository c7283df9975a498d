/// @file
/// The held-out rows: their loss at given parameters, always with the same noise, so that differences between
/// parameters are not due to noise.
#pragma once
#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "cli/data/contexts.h"
#include "cli/data/dequantize.h"
#include "scorematch/loss.h"

namespace scorematch::cli {

class HeldOut {
 public:
  /// Far from any step of training.
  static constexpr std::int64_t kNoiseStep = (std::int64_t{1} << 40) - 2;

  /// @param rows model units; may be empty
  /// @param dequantizer null: the rows are used unchanged @param contexts of the rows, none of which is dropped
  HeldOut(const Engine& engine, const MlpShape& net, Loss loss, const Matrix& rows, const Dequantizer* dequantizer,
          std::uint64_t seed, const Contexts& contexts = {});

  std::int64_t rows() const { return rows_; }
  /// Evaluations throw Error cancelled once the flag is true; null: they never do.
  void cancel_on(const std::atomic<bool>* flag) { cancelled_ = flag; }
  const Engine& engine() const { return engine_; }
  std::size_t workspace_bytes() const { return plan_.workspace_bytes(); }

  /// Of all rows; nothing if there are none.
  std::optional<Estimate> loss(Queue& queue, ConstView params);
  /// Of each row.
  std::vector<double> losses(Queue& queue, ConstView params);

  ConstView x(std::int64_t first, std::int64_t count) const { return x_.samples(first, count); }
  /// Of the rows from `first` on.
  NoiseRef noise(std::int64_t first) const { return noise_.from(first); }

 private:
  void evaluate(Queue& queue, ConstView params);

  Engine engine_;
  LossPlan plan_;
  std::int64_t rows_;
  const std::atomic<bool>* cancelled_ = nullptr;
  NoiseState noise_;
  Buffer<float> x_, each_;  // [rows, d], [rows]
  Buffer<Estimate> loss_;
  ContextArrays contexts_;
};

}  // namespace scorematch::cli
