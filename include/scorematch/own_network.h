/// @file
/// OwnNetwork: a network of the caller's own, for samplers and likelihoods. The plans apply its parameterization and
/// conditioning, as PerturbPlan and HeadPlan do for its losses.
#pragma once
#include <functional>

#include "scorematch/mlp.h"
#include "scorematch/queue.h"
#include "scorematch/view.h"

namespace scorematch {

/// One evaluation of F at z = (c x, e(sigma), context), the input of the network. N is the batch of the run. The arrays
/// are dense engine memory of OwnNetwork::dtype, and belong to the function until the work is done that it enqueues.
struct NetworkCall {
  ConstView net_input{};   ///< [N, d + features + context]; what PerturbPlan writes in training
  ConstView sigma{};       ///< [N], all equal, for a network that takes sigma in another form; 1 without a level
  ConstView directions{};  ///< [M, N, d], v, 1 <= M <= 8; empty if `jvp` is
  View output{};           ///< [N, d], F; to be written
  View jvp{};              ///< [M, N, d], (dF/dz) v along the first d columns of z; to be written unless it is empty
};

/// F with the description under which it was trained: that of its PerturbPlan and HeadPlan. The plan computes the score
/// s = a x + b F and its divergence. One function serves every engine: its arrays are float32 by default. The reference
/// engine rounds net_input and the directions to the network's type, and computes in double what surrounds it.
struct OwnNetwork {
  /// Enqueues the outputs of `call`. `queue` has run()'s stream and the scratch memory that the plan leaves, so another
  /// plan may run on it: give the outer queue the sum of both workspace_bytes(). What it throws ends the run.
  using Function = std::function<void(Queue& queue, const NetworkCall& call)>;

  int dim = 0;  ///< d
  Function evaluate;
  Parameterization parameterization{};
  Conditioning conditioning{};
  DType dtype = DType::f32;  ///< f64: the arrays of `evaluate` are float64; on the reference engine only
  Context context{};
};

}  // namespace scorematch
