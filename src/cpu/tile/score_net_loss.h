// The loss and gradients of one tile of a score net: perturbation, jet, head, and backward pass. For each term of the
// objective, with u = W_o^T v, the collapsed output layer (W_o and b_o are its parameters, h and h_m its inputs):
//
//   v^T s = a v^T x_tilde + b (u.h + v.b_o)      v^T J v = a |v|^2 + b c u.h_m
//   grad_h_m = b c u                                   grad_h += b (v^T s) u
//   grad_W_o += v (b c h_m + b (v^T s) h)^T            grad_b_o += b (v^T s) v
//
// so sliced objectives compute neither s nor J v (docs/math.md, section "The collapse").
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
  void add_direction(const LossCall& call, const Term& term, int m, float* grad);
  void add_direction_gradient(const LossCall& call, const Term& term, float* grad);
  void add_score_term(const LossCall& call, const Term& term, float* grad);

  double slice_[kMaxTileRows];                     // v^T s for the current direction
  float* score_;                                   // [rows, x_stride]: F, then its gradient
  float *collapsed_ = nullptr, *mixed_ = nullptr;  // [rows, output.in]: u; b c h_m + b (v^T s) h
};

}  // namespace scorematch::cpu
