/// @file
/// Inputs of the plans besides a Batch, and their outputs. Plain data, which engines read without including the plans.
#pragma once
#include <atomic>

#include "scorematch/batch.h"
#include "scorematch/estimate.h"
#include "scorematch/view.h"

namespace scorematch {

/// LossPlan's inputs. P = net.param_count().
struct LossIn {
  ConstView params;  ///< [P]
  Batch batch{};
  /// When it becomes true, run() stops within a fraction of a second on the cpu and reference engines, however long the
  /// call takes: it throws Error cancelled, the outputs are undefined, and all else is unchanged. The cuda engine,
  /// which only enqueues, checks it before it does.
  const std::atomic<bool>* cancelled = nullptr;
};
/// LossPlan's outputs, in engine memory. Only given outputs are computed.
struct LossOut {
  EstimateRef loss{};      ///< mean over the samples, weighting included
  View grad{};             ///< [P], of the sum over samples / normaliser, times loss_scale
  View grad_x{};           ///< [N, d], of the same; sigma, eps, directions, true_score held constant
  View loss_per_sample{};  ///< [N], weighting included
  View rows{};             ///< [N] int64, which row of x each sample is, for draw_rows
  /// [M, N], Ssm and SsmVr: the loss with direction m alone, weighting included. Its mean over m is loss_per_sample.
  View loss_per_direction{};
  View grad_context{};  ///< [N, c], of the same; zero for samples without a context
};

/// ScorePlan's inputs. P = net.param_count().
struct ScoreIn {
  ConstView params;  ///< [P]
  Batch batch{};     ///< the score is evaluated at x itself
};
/// ScorePlan's outputs. Only given outputs are computed.
struct ScoreOut {
  View score{};                ///< [N, d]
  View jvp{};                  ///< [M, N, d], (ds/dx) v; for an energy net a Hessian-vector product
  View divergence{};           ///< [N], exact: dim tangents
  View divergence_estimate{};  ///< [N], mean over m of v_m^T (ds/dx) v_m (Hutchinson 1990)
  View log_density{};          ///< [N], f, ln p up to a constant; energy nets only
};

/// PerturbPlan's outputs. Only given outputs are written. eps is rarely needed, as HeadPlan draws it again.
struct PerturbOut {
  View net_input{};  ///< [N, d + features + context]: c x_tilde (x_t of a process), then e(sigma), then context
  View sigma{};      ///< [N]
  View x_tilde{};    ///< [N, d]
  View eps{};        ///< [N, d]
  View rows{};       ///< [N] int64, which row of x each sample is, for draw_rows
};

/// HeadPlan's inputs.
struct HeadIn {
  /// As given to PerturbPlan: sigma, eps and v are drawn again instead of being stored. Without x if a = 0.
  Batch batch;
  ConstView output{};  ///< [N, d], F
  ConstView jvp{};     ///< [M, N, d], (dF/dz) v; required by Ssm, SsmVr
  ConstView trace{};   ///< [N], tr dF/dz; required by Ism
};
/// HeadPlan's outputs. Only given outputs are computed.
struct HeadOut {
  EstimateRef loss{};
  View grad_output{};         ///< [N, d], with respect to `output`; of the sum / normaliser, times loss_scale
  View grad_jvp{};            ///< [M, N, d], with respect to `jvp`
  View grad_trace{};          ///< [N], with respect to `trace`
  View loss_per_sample{};     ///< [N]
  View loss_per_direction{};  ///< [M, N], as that of LossPlan
};

}  // namespace scorematch
