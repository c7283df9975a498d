// Loss and gradients of one tile: prologue, jet, head, and back. For each term of the objective, with u = W_o^T v the
// output layer's collapse (W_o, b_o its parameters, h and h_m its inputs):
//
//   v^T s = a v^T x_tilde + b (u.h + v.b_o)      v^T J v = a |v|^2 + b c u.h_m
//   h_m^ = b c u      h^ += b (v^T s) u      W_o^ += v (b c h_m + b (v^T s) h)^T      b_o^ += b (v^T s) v
//
// so that sliced objectives form neither s nor J v (docs/math.md, section "The collapse").
#pragma once
#include "cpu/tile/loss_tile.h"

namespace scorematch::cpu {

class ScoreNetLoss : public LossTile {
 public:
  ScoreNetLoss(const LossProblem& problem, bool gradient, int capacity, Arena& arena);

  /// Samples [first, first + rows) of the batch. Adds to the padded gradient.
  void run(const LossCall& call, std::int64_t first, int rows, float* grad);

 private:
  void add_directions(const LossCall& call, const Term& term, float* grad);
  void add_direction(const LossCall& call, const Term& term, float* grad);
  void add_direction_gradient(const LossCall& call, const Term& term, float* grad);
  void add_score_term(const LossCall& call, const Term& term, float* grad);

  double slice_[kMaxTileRows];                     // v^T s of the samples' direction at hand
  float* score_;                                   // [rows, x_stride]: F, then its adjoint
  float *collapsed_ = nullptr, *mixed_ = nullptr;  // [rows, output.in]: u; b c h_m + b (v^T s) h
};

}  // namespace scorematch::cpu
