// The loss and gradients of one tile of an energy net (docs/math.md, section "Energy nets"). For each term of the
// objective, with the weights w and the inputs h, h_m, h" of the output layer:
//
//   s = a x_tilde + b (grad F), by a backward pass from w      v^T s = a v^T x_tilde + b w.h_m      F" = w.h"
//
// The forward pass runs the directions one after the other to sum z_m^2, and the second derivatives once. The backward
// pass runs each direction forward again, so memory does not grow with their number. The gradient u of s is one more
// tangent, processed separately.
#pragma once
#include "cpu/tile/loss_tile.h"

namespace scorematch::cpu {

class EnergyNetLoss : public LossTile {
 public:
  EnergyNetLoss(const LossProblem& problem, bool gradient, int capacity, Arena& arena);

  /// Samples [first, first + rows) of the batch. Adds to the padded gradient.
  void run(const LossCall& call, std::int64_t first, int rows, float* grad);

 private:
  void add_score_term(const LossCall& call, const Term& term);
  void add_directions(const LossCall& call, const Term& term);
  /// Runs each direction forward with the second derivatives along it alone, which the loss needs only as a sum.
  void store_direction_losses(const LossCall& call, const Term& term);
  void second_backward(const LossCall& call, const Term& term, float* grad);
  void slices_backward(const LossCall& call, const Term& term, float* grad);
  void score_backward(const LossCall& call, float* grad);
  /// All backward passes except the value's.
  void tangents_backward(const LossCall& call, const Term& term, float* grad);

  /// v^T s = a v^T x_tilde + b w.h_m for the current direction.
  void find_slices(double (&slices)[kMaxTileRows]) const;
  /// Writes factor[r] w to each row of `grad_h`; adds factor[r] h[r] to the gradient of w.
  void start_backward(const float* factor, const float* h, float* grad_h, float* grad) const;

  float* u_;                  // [rows, x_stride]: the gradient of s
  float *weights_, *scaled_;  // [rows, output.in]: w in each row; scratch
};

}  // namespace scorematch::cpu
