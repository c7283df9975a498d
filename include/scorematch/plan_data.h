/// @file
/// What the plans take besides a Batch, and what they give. Data alone: engines read it without knowing the plans.
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
  /// Once it is true, run() stops within a fraction of a second on the cpu and reference engines, however long the
  /// call: it throws Error cancelled, the outputs are undefined, all else is as before. The cuda engine, which only
  /// enqueues, looks at it before that.
  const std::atomic<bool>* cancelled = nullptr;
};
/// LossPlan's outputs. Only what is given is computed. All of it is engine memory.
struct LossOut {
  Estimate* loss = nullptr;  ///< mean over the samples, weighting included
  View grad{};               ///< [P], of sum over samples / normaliser, times loss_scale
  View grad_x{};             ///< [N, d], the same gradient; sigma, eps, directions, true_score held constant
  View loss_per_sample{};    ///< [N], weighting included
};

/// ScorePlan's inputs. P = net.param_count().
struct ScoreIn {
  ConstView params;  ///< [P]
  Batch batch{};     ///< x is evaluated as it is
};
/// ScorePlan's outputs. Only what is given is computed.
struct ScoreOut {
  View score{};                ///< [N, d]
  View jvp{};                  ///< [M, N, d], (ds/dx) v; for an energy net a Hessian-vector product
  View divergence{};           ///< [N], exact: dim tangents
  View divergence_estimate{};  ///< [N], mean over m of v_m^T (ds/dx) v_m (Hutchinson 1990)
  View log_density{};          ///< [N], f: up to a constant; energy nets only
};

/// PerturbPlan's outputs. Only what is given is written. eps is seldom wanted: HeadPlan draws it again.
struct PerturbOut {
  View net_input{};  ///< [N, d + features]: c x_tilde, then e(sigma)
  View sigma{};      ///< [N]
  View x_tilde{};    ///< [N, d]
  View eps{};        ///< [N, d]
};

/// HeadPlan's inputs.
struct HeadIn {
  /// As given to PerturbPlan: sigma, eps (and v) are drawn again instead of being stored. Without x if a = 0.
  Batch batch;
  ConstView output{};  ///< [N, d], F
  ConstView jvp{};     ///< [M, N, d], (dF/dz) v; required by Ssm, SsmVr
  ConstView trace{};   ///< [N], tr dF/dz; required by Ism
};
/// HeadPlan's outputs. Only what is given is computed.
struct HeadOut {
  Estimate* loss = nullptr;
  View grad_output{};      ///< [N, d], gradient with respect to `output`, over normaliser, times loss_scale
  View grad_jvp{};         ///< [M, N, d], with respect to `jvp`
  View grad_trace{};       ///< [N], with respect to `trace`
  View loss_per_sample{};  ///< [N]
};

}  // namespace scorematch
