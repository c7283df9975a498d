#include "cpu/tile/score_net_loss.h"

#include <algorithm>

#include "cpu/simd/jet.h"

namespace scorematch::cpu {

ScoreNetLoss::ScoreNetLoss(const LossProblem& problem, bool gradient, int capacity, Arena& arena)
    : LossTile(problem, {problem.has_directions(), gradient, false}, capacity, arena),
      score_(take_rows(arena, capacity, x_stride_)) {
  if (!problem.has_directions()) return;
  collapsed_ = take_rows(arena, capacity, output_.in);
  mixed_ = take_rows(arena, capacity, output_.in);
}

void ScoreNetLoss::run(const LossCall& call, std::int64_t first, int rows, float* grad) {
  start(call, first, rows);
  for (const Term& term : problem_.terms) {
    start_term(call, term);
    if (call.gradient) std::fill_n(jet_.grad_h(), hidden_size(), 0.0f);
    if (problem_.has_directions()) add_directions(call, term, grad);
    if (term.needs_score()) add_score_term(call, term, grad);
    if (call.gradient) backward(call, grad);
  }
}

void ScoreNetLoss::add_directions(const LossCall& call, const Term& term, float* grad) {
  for (int m = 0; m < problem_.directions(); ++m) {
    load_direction(call, m);
    jet_.tangent_forward(call.params);
    add_direction(call, term, m, grad);
  }
}

void ScoreNetLoss::add_direction(const LossCall& call, const Term& term, int m, float* grad) {
  const float *v = jet_.tangent_input(), *bias = call.params + output_.shift;
  jet_.multiply(output_.out, output_.in, v, stride(), call.params + output_.down, false, collapsed_);
  double along_tangent[kMaxTileRows], along_hidden[kMaxTileRows];
  dot_rows(rows(), output_.in, collapsed_, jet_.last_tangent(), along_tangent);
  if (term.sliced_square) dot_rows(rows(), output_.in, collapsed_, jet_.last_hidden(), along_hidden);
  for (int r = 0; r < rows(); ++r) {
    const HeadRow& k = rows_[r];
    const float *each = v + std::int64_t{r} * stride(), *x = x_tilde_ + std::int64_t{r} * x_stride_;
    double jvp = k.b * k.c * along_tangent[r];
    if (k.a != 0) jvp += k.a * dot(dim_, each, each);
    if (term.sliced_square) {
      slice_[r] = k.b * (along_hidden[r] + dot(dim_, each, bias));
      if (k.a != 0) slice_[r] += k.a * dot(dim_, each, x);
    }
    loss_[r] += direction_loss(term, k, jvp, slice_[r]);
    if (wants_direction_losses(call))
      direction_loss_of(call, m, r) = static_cast<float>(lone_direction_loss(term, k, jvp, slice_[r]));
  }
  if (call.gradient) add_direction_gradient(call, term, grad);
}

void ScoreNetLoss::add_direction_gradient(const LossCall& call, const Term& term, float* grad) {
  const float* v = jet_.tangent_input();
  float tangent_factor[kMaxTileRows], slice_factor[kMaxTileRows];
  for (int r = 0; r < rows(); ++r) {
    const HeadRow& k = rows_[r];
    tangent_factor[r] = static_cast<float>(k.factor * term.weight * k.b * k.c);
    slice_factor[r] = term.sliced_square ? static_cast<float>(k.factor * term.weight * k.b * slice_[r]) : 0.0f;
  }
  scale_rows(rows(), output_.in, tangent_factor, collapsed_, jet_.grad_tangent());
  scale_rows(rows(), output_.in, tangent_factor, jet_.last_tangent(), mixed_);
  if (term.sliced_square) {
    add_scaled_rows(rows(), output_.in, slice_factor, collapsed_, jet_.grad_h());
    add_scaled_rows(rows(), output_.in, slice_factor, jet_.last_hidden(), mixed_);
    float* bias = grad + output_.bias;
    for (int r = 0; r < rows(); ++r) {
      const float* each = v + std::int64_t{r} * stride();
      const auto along = static_cast<float>(rows_[r].factor * term.weight * rows_[r].a * slice_[r]);
      for (int i = 0; i < dim_; ++i) bias[i] += slice_factor[r] * each[i];
      for (int i = 0; i < dim_; ++i) grad_x_[std::int64_t{r} * x_stride_ + i] += along * each[i];
    }
  }
  jet_.add_outer_products(output_, v, stride(), mixed_, grad);
  jet_.tangent_backward(call.params, grad);
}

void ScoreNetLoss::add_score_term(const LossCall& call, const Term& term, float* grad) {
  jet_.multiply(output_.in, output_.out, jet_.last_hidden(), output_.in, call.params + output_.up, false, score_);
  for (int r = 0; r < rows(); ++r) {
    float* output = score_ + std::int64_t{r} * x_stride_;
    const double before = loss_[r];
    add_score_loss(call, term, r, rows_[r].b, output, call.params + output_.shift, output);
    for (int m = 0; wants_direction_losses(call) && m < problem_.directions(); ++m)
      direction_loss_of(call, m, r) += static_cast<float>(loss_[r] - before);
  }
  if (!call.gradient) return;
  jet_.add_outer_products(output_, score_, output_.out, jet_.last_hidden(), grad);
  add_column_sums(rows(), output_.out, output_.out, score_, grad + output_.bias);
  jet_.multiply(output_.out, output_.in, score_, output_.out, call.params + output_.down, true, jet_.grad_h());
}

}  // namespace scorematch::cpu
