#include "cpu/tile/energy_net_loss.h"

#include <algorithm>

#include "cpu/simd/jet.h"

namespace scorematch::cpu {
namespace {

/// s itself needs a backward pass, and its gradient a tangent.
JetParts parts_of(const LossProblem& problem, bool gradient) {
  const bool directions = problem.has_directions(), score = problem.terms[0].needs_score();
  return {directions || (score && gradient), score || gradient, directions};
}

}  // namespace

EnergyNetLoss::EnergyNetLoss(const LossProblem& problem, bool gradient, int capacity, Arena& arena)
    : LossTile(problem, parts_of(problem, gradient), capacity, arena),
      u_(take_rows(arena, capacity, x_stride_)),
      weights_(take_rows(arena, capacity, output_.in)),
      scaled_(take_rows(arena, capacity, output_.in)) {}

void EnergyNetLoss::run(const LossCall& call, std::int64_t first, int rows, float* grad) {
  start(call, first, rows);
  repeat_row(call.params + problem_.net.last_rows(), rows, output_.in, weights_);
  for (const Term& term : problem_.terms) {
    start_term(call, term);
    if (term.needs_score()) add_score_term(call, term);
    if (wants_direction_losses(call)) store_direction_losses(call, term);
    if (problem_.has_directions()) add_directions(call, term);
    if (!call.gradient) continue;
    tangents_backward(call, term, grad);
    std::fill_n(jet_.grad_h(), hidden_size(), 0.0f);
    backward(call, grad);
  }
}

void EnergyNetLoss::add_score_term(const LossCall& call, const Term& term) {
  std::copy_n(weights_, hidden_size(), jet_.grad_h());
  const float* gradient = jet_.backward(call.params, nullptr, true);
  std::fill_n(u_, x_size(), 0.0f);
  for (int r = 0; r < rows(); ++r)
    add_score_loss(call, term, r, 1, gradient + std::int64_t{r} * stride(), nullptr, u_ + std::int64_t{r} * x_stride_);
}

void EnergyNetLoss::find_slices(double (&slices)[kMaxTileRows]) const {
  dot_rows(rows(), output_.in, weights_, jet_.last_tangent(), slices);
  for (int r = 0; r < rows(); ++r) {
    const float *v = jet_.tangent_input() + std::int64_t{r} * stride(), *x = x_tilde_ + std::int64_t{r} * x_stride_;
    slices[r] *= rows_[r].b;
    if (rows_[r].a != 0) slices[r] += rows_[r].a * dot(dim_, v, x);
  }
}

void EnergyNetLoss::add_directions(const LossCall& call, const Term& term) {
  double sums[kMaxTileRows] = {};
  for (int m = 0; m < problem_.directions(); ++m) {
    load_direction(call, m);
    jet_.tangent_forward(call.params);
    jet_.add_to_second();
    double slices[kMaxTileRows];
    if (term.sliced_square) find_slices(slices);
    for (int r = 0; r < rows(); ++r) {
      const float* v = jet_.tangent_input() + std::int64_t{r} * stride();
      if (rows_[r].a != 0) sums[r] += rows_[r].a * dot(dim_, v, v);
      if (term.sliced_square) sums[r] += 0.5 * slices[r] * slices[r];
    }
  }
  jet_.second_forward(call.params);
  double second[kMaxTileRows];
  dot_rows(rows(), output_.in, weights_, jet_.last_second(), second);
  for (int r = 0; r < rows(); ++r)
    loss_[r] += rows_[r].lambda * term.weight * (sums[r] + rows_[r].b * rows_[r].c * second[r]);
}

void EnergyNetLoss::store_direction_losses(const LossCall& call, const Term& term) {
  for (int m = 0; m < problem_.directions(); ++m) {
    load_direction(call, m);
    jet_.tangent_forward(call.params);
    jet_.clear_second();
    jet_.add_to_second();
    jet_.second_forward(call.params);
    double second[kMaxTileRows], slices[kMaxTileRows] = {};
    dot_rows(rows(), output_.in, weights_, jet_.last_second(), second);
    if (term.sliced_square) find_slices(slices);
    for (int r = 0; r < rows(); ++r) {
      const HeadRow& k = rows_[r];
      const float* v = jet_.tangent_input() + std::int64_t{r} * stride();
      double jvp = k.b * k.c * second[r];
      if (k.a != 0) jvp += k.a * dot(dim_, v, v);
      // So far, the loss is the part of s.
      direction_loss_of(call, m, r) = static_cast<float>(loss_[r] + lone_direction_loss(term, k, jvp, slices[r]));
    }
  }
  jet_.clear_second();
}

void EnergyNetLoss::start_backward(const float* factor, const float* h, float* grad_h, float* grad) const {
  scale_rows(rows(), output_.in, factor, weights_, grad_h);
  scale_rows(rows(), output_.in, factor, h, scaled_);
  add_column_sums(rows(), output_.in, output_.in, scaled_, grad + output_.weight);
}

void EnergyNetLoss::second_backward(const LossCall& call, const Term& term, float* grad) {
  float factor[kMaxTileRows];
  for (int r = 0; r < rows(); ++r)
    factor[r] = static_cast<float>(rows_[r].factor * term.weight * rows_[r].b * rows_[r].c);
  start_backward(factor, jet_.last_second(), jet_.grad_h2(), grad);
  jet_.second_backward(call.params, grad);
}

/// For every direction, the last of which is still loaded: the gradients of (v^T s)^2, and of h2 with respect to z_m.
void EnergyNetLoss::slices_backward(const LossCall& call, const Term& term, float* grad) {
  for (int m = problem_.directions() - 1; m >= 0; --m) {
    if (m + 1 < problem_.directions()) {
      load_direction(call, m);
      jet_.tangent_forward(call.params);
    }
    float factor[kMaxTileRows] = {};
    double slices[kMaxTileRows];
    if (term.sliced_square) find_slices(slices);
    for (int r = 0; term.sliced_square && r < rows(); ++r) {
      const double slice = rows_[r].factor * term.weight * slices[r];
      factor[r] = static_cast<float>(slice * rows_[r].b);
      const auto along = static_cast<float>(slice * rows_[r].a);
      for (int i = 0; i < dim_; ++i)
        grad_x_[std::int64_t{r} * x_stride_ + i] += along * jet_.tangent_input()[std::int64_t{r} * stride() + i];
    }
    start_backward(factor, jet_.last_tangent(), jet_.grad_tangent(), grad);
    jet_.tangent_backward(call.params, grad, true);
  }
}

void EnergyNetLoss::score_backward(const LossCall& call, float* grad) {
  float factor[kMaxTileRows];
  for (int r = 0; r < rows(); ++r) {
    factor[r] = static_cast<float>(rows_[r].b);
    float* tangent = jet_.tangent_input() + std::int64_t{r} * stride();
    std::fill_n(tangent, stride(), 0.0f);
    std::copy_n(u_ + std::int64_t{r} * x_stride_, dim_, tangent);
  }
  jet_.tangent_forward(call.params);
  start_backward(factor, jet_.last_tangent(), jet_.grad_tangent(), grad);
  jet_.tangent_backward(call.params, grad);
}

void EnergyNetLoss::tangents_backward(const LossCall& call, const Term& term, float* grad) {
  if (problem_.has_directions()) {
    second_backward(call, term, grad);
    slices_backward(call, term, grad);
  }
  if (term.needs_score()) score_backward(call, grad);
}

}  // namespace scorematch::cpu
