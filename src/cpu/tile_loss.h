// Loss and gradients of one tile: prologue, jet, head, and back. For each term of the objective, with u = W_o^T v the
// output layer's collapse (W_o, b_o its parameters, h and h_m its inputs):
//
//   v^T s = a v^T x_tilde + b (u.h + v.b_o)      v^T J v = a |v|^2 + b c u.h_m
//   h_m^ = b c u      h^ += b (v^T s) u      W_o^ += v (b c h_m + b (v^T s) h)^T      b_o^ += b (v^T s) v
//
// so that sliced objectives form neither s nor J v (docs/math.md, section "The collapse").
#pragma once
#include <vector>

#include "cpu/tile_jet.h"
#include "cpu/tile_terms.h"

namespace scorematch::cpu {

class TileLoss {
 public:
  TileLoss(const LossProblem& problem, bool gradient, Arena& arena);

  /// Samples [first, first + rows) of the batch. Adds to the padded gradient.
  void run(const LossCall& call, std::int64_t first, int rows, float* grad);

  const double* loss() const { return loss_; }     // [kTileRows], weighting included
  const float* grad_x() const { return grad_x_; }  // [kTileRows, padded(dim)]

 private:
  void start_term(const LossCall& call, const Term& term);
  void add_directions(const LossCall& call, const Term& term, float* grad);
  void add_direction(const LossCall& call, const Term& term, float* grad);
  void add_direction_gradient(const LossCall& call, const Term& term, float* grad);
  void add_score_term(const LossCall& call, const Term& term, float* grad);
  void go_back(const LossCall& call, float* grad);

  const LossProblem& problem_;
  int dim_, x_stride_;
  PaddedNet::Layer output_;
  TileSamples samples_;
  TileJet jet_;
  TileRow rows_[kTileRows];
  double slice_[kTileRows];  // v^T s of the direction at hand
  double* loss_;
  float *x_tilde_, *grad_x_, *score_;              // [kTileRows, x_stride]; score_: F, then the adjoint of F
  float *collapsed_ = nullptr, *mixed_ = nullptr;  // [kTileRows, output.in]: u; b c h_m + b (v^T s) h
};

}  // namespace scorematch::cpu
