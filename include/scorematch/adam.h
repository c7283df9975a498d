/// @file
/// Adam with decoupled weight decay, global-norm clipping and an average of the parameters, in one pass.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "scorematch/param_groups.h"
#include "scorematch/queue.h"

namespace scorematch {

/// Adam (Kingma & Ba 2015, algorithm 1; Loshchilov & Hutter 2019, algorithm 2). Unlike a plan it has state; move-only.
/// Float32 on every engine, as f64 is for evaluation; the reference engine computes each step in double and rounds
/// once. Everything that changes from step to step is in engine memory, so a captured step() advances on each replay.
class SCOREMATCH_API Adam {
 public:
  struct Options {
    double learning_rate = 1e-3;
    double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
    double weight_decay = 0;
    double max_grad_norm = 0;             ///< clip to this norm; 0: no clipping
    double ema_decay = 0;                 ///< 0: no average
    std::vector<ParamGroup> groups = {};  ///< parameters with another learning rate or weight decay; at most 4096
    /// Whether the average after `step` steps is worth sampling with: its initial value then has the weight
    /// ema_decay^step, which must be at most 0.01.
    SCOREMATCH_API bool ema_is_settled(std::int64_t step) const;
  };
  /// One record in engine memory. A step whose gradient is not finite, or whose squared norm after clipping exceeds
  /// float32, changes only `grad_norm` and `skipped`.
  struct Progress {
    double learning_rate = 0;
    double grad_norm = 0;  ///< of the last step, before clipping, divided by loss_scale
    std::int64_t step = 0;
    std::int64_t skipped = 0;
  };
  /// The complete state on the host, for a checkpoint.
  struct Snapshot {
    Options options;                                 ///< of the constructor
    Progress progress;                               ///< has the learning rate of the last set_learning_rate()
    std::vector<float> first_moment, second_moment;  ///< [P]
    std::vector<float> ema;                          ///< [P] or empty
  };

  Adam(const Engine& engine, std::int64_t param_count, const Options& options);
  /// An Adam that has been moved from refuses every call by name.
  Adam(Adam&&) noexcept;
  Adam& operator=(Adam&&) noexcept;
  ~Adam();

  /// Enqueues one step. @param params, grad [P] float32 @param loss_scale the gradient's Reduction::loss_scale
  void step(Queue& queue, View params, ConstView grad, double loss_scale = 1.0);
  /// Enqueues a new learning rate, which is copied before the call returns. Use it between replays of a captured step,
  /// or for a schedule without graphs.
  void set_learning_rate(Queue& queue, double learning_rate);
  /// The average, [P], in engine memory. It starts as the first step's params. @throws Error if ema_decay is 0
  ConstView ema() const;

  Progress progress(Queue& queue) const;  ///< Waits for the queue.
  Snapshot snapshot(Queue& queue) const;  ///< Waits for the queue.
  /// The moments, the average, and the numbers of steps. The options remain those of this Adam, the learning rate too.
  /// To go on unchanged, make it with snapshot.options and set_learning_rate(snapshot.progress.learning_rate).
  /// @throws Error if only one of the two has an average
  void restore(Queue& queue, const Snapshot& snapshot);

  struct Impl;

 private:
  Impl& impl() const;
  std::unique_ptr<Impl> impl_;
};

}  // namespace scorematch
