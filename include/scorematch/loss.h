/// @file
/// LossPlan: batch in; loss with standard error, and gradients, out.
#pragma once
#include <atomic>
#include <cstddef>
#include <memory>

#include "scorematch/engine.h"
#include "scorematch/estimate.h"
#include "scorematch/mlp.h"
#include "scorematch/noise.h"
#include "scorematch/objective.h"

namespace scorematch {

/// Immutable and cheap to copy. Making one validates and picks kernels and algorithms, so the first run may already be
/// captured (on drivers from 12.3 on; docs/cuda.md).
class SCOREMATCH_API LossPlan {
 public:
  /// N samples of dimension d = net.dim, P = net.param_count(), M = projections. Required first, then noise, then what
  /// replaces it. New fields are only ever appended. Element types may differ on the reference engine; the others take
  /// float32.
  struct In {
    ConstView params;        ///< [P]
    ConstView x;             ///< [N, d], 1 <= N <= max_batch
    NoiseRef noise{};        ///< needed for whatever is to be drawn and is not given below
    ConstView sigma{};       ///< [N], or [1] for all; replaces the schedule's draw
    ConstView eps{};         ///< [N, d]; replaces the Gaussian draw
    ConstView directions{};  ///< [M, N, d], used as given; replaces the projection's draw
    ConstView true_score{};  ///< [N, d], grad log p at the point of evaluation; required by Esm, refused by the others
    /// Which rows of x the samples are, x then being the whole data [R, d]: the batch is gathered, not copied first.
    ConstView rows{};            ///< [N] int64, each in [0, R)
    std::int64_t draw_rows = 0;  ///< or N rows drawn uniformly with replacement from `noise`; 0: x is the batch
    /// Once it is true, run() stops within a fraction of a second on the cpu and reference engines, however long the
    /// call: it throws Error cancelled, the outputs are undefined, all else is as before. The cuda engine, which only
    /// enqueues, looks at it before that.
    const std::atomic<bool>* cancelled = nullptr;
  };
  /// Only what is given is computed. Everything lies where the engine computes.
  struct Out {
    Estimate* loss = nullptr;  ///< mean over the samples, weighting included
    View grad{};               ///< [P], of sum over samples / normaliser, times loss_scale
    View grad_x{};             ///< [N, d], the same gradient; sigma, eps, directions, true_score held constant
    View loss_per_sample{};    ///< [N], weighting included
  };

  /// @throws Error invalid_argument naming the field at fault, unsupported where `compute` cannot be had.
  LossPlan(const Engine& engine, const MlpShape& net, const Loss& loss, std::int64_t max_batch, Compute compute = {});

  /// Enqueues. @throws Error, with nothing enqueued: shape or type of a view, a missing or superfluous input, too small
  /// a workspace, a queue of another engine.
  void run(Queue& queue, const In& in, const Out& out, const Reduction& reduction = {}) const;
  /// Scratch a queue needs for run(); constant in max_batch beyond one chunk (docs/architecture.md has the formula).
  std::size_t workspace_bytes() const;
  /// Which kernels a call with `batch` samples runs, and how many launches it makes.
  PlanReport report(std::int64_t batch) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace scorematch
