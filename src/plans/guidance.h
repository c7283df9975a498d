// Classifier-free guidance (Ho & Salimans 2022, eq. 6): s = s(without context) + w (s(context) - s(without context)),
// from one evaluation of 2N samples, each with its context and without. w = 1 and w = 0 evaluate N samples.
#pragma once
#include <cstddef>
#include <functional>

#include "samplers/working_arrays.h"
#include "scorematch/buffer.h"

namespace scorematch {

class Guidance {
 public:
  /// @param with_density log-densities are mixed too
  /// @throws Error naming `guidance` if the context is not optional and w is not 1
  Guidance(const Engine& engine, double weight, const Context& context, std::int64_t max_batch, int dim,
           bool with_density);

  bool is_mixed() const { return is_mixed(weight_); }
  /// The samples of one evaluation for `batch` samples.
  static std::int64_t samples(double weight, std::int64_t batch) { return is_mixed(weight) ? 2 * batch : batch; }
  std::size_t bytes() const;

  struct Call {
    ConstView x;       ///< [N, d], dense
    Batch given;       ///< its context or labels
    View score;        ///< [N, d], dense
    View log_density;  ///< [N], or empty
  };
  /// The score at batch.x, with batch.context or batch.labels, and batch.present.
  using Evaluate = std::function<void(const Batch& batch, const View& score, const View& log_density)>;
  /// @param scratch bytes() of scratch memory
  void run(Queue& queue, char* scratch, const Call& call, const Evaluate& evaluate) const;

 private:
  static bool is_mixed(double weight) { return weight != 0 && weight != 1; }

  Engine engine_;
  double weight_;
  bool with_density_;
  std::int64_t max_batch_;
  WorkingArrays pairs_;    // [2N, d]
  Buffer<float> present_;  // [2 max_batch]: ones, then zeros
};

}  // namespace scorematch
