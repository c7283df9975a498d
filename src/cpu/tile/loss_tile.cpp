#include "cpu/tile/loss_tile.h"

#include <algorithm>

#include "cpu/tile/directions.h"

namespace scorematch::cpu {

LossTile::LossTile(const LossProblem& problem, const JetParts& parts, int capacity, Arena& arena)
    : problem_(problem),
      dim_(problem.spec.net.dim),
      x_stride_(padded(dim_)),
      output_(problem.net.last()),
      samples_(dim_, capacity, arena),
      jet_(problem.net, problem.spec.net.activation, parts, capacity, arena),
      loss_(arena.take<double>(static_cast<std::size_t>(capacity))),
      x_tilde_(take_rows(arena, capacity, x_stride_)),
      grad_x_(take_rows(arena, capacity, x_stride_)),
      grad_context_(take_rows(arena, capacity, padded(problem.spec.net.context.columns))) {}

void LossTile::start(const LossCall& call, std::int64_t first, int rows) {
  call.samples.load(first, rows, samples_);
  jet_.set_rows(rows, call.in.cancelled);
  std::fill_n(loss_, rows, 0.0);
  std::fill_n(grad_x_, x_size(), 0.0f);
  std::fill_n(grad_context_, std::int64_t{rows} * padded(problem_.spec.net.context.columns), 0.0f);
  for (int r = 0; r < rows; ++r)
    rows_[r] = head_row(problem_.spec.net.parameterization, problem_.spec.loss.weighting, call.in.batch,
                        samples_.first + r, samples_.sigma[r], call.grad_factor);
}

void LossTile::start_term(const LossCall& call, const Term& term) {
  const MlpShape& net = problem_.spec.net;
  fill_input(samples_, term.point, net.parameterization, net.conditioning, net.context, dim_, x_tilde_, jet_.input(),
             stride());
  jet_.forward(call.params);
}

void LossTile::load_direction(const LossCall& call, int m) {
  if (problem_.terms[0].directions == Term::Directions::basis) {
    fill_unit_direction(m, samples_.rows, jet_.tangent_input(), stride());
    return;
  }
  const Needs needs = needs_of(problem_.spec.loss.objective);
  call.samples.load_direction(call.in.batch.directions, needs.distribution, m, samples_, jet_.tangent_input(),
                              stride());
}

void LossTile::add_score_loss(const LossCall& call, const Term& term, int r, double output_factor, const float* f,
                              const float* bias, float* grad_output) {
  const std::int64_t at = std::int64_t{r} * x_stride_;
  // The rounding of x_tilde would be a large part of what is left where a x_tilde and eps / sigma cancel.
  const bool exact = has_closed_residual(problem_.spec.net.parameterization);
  loss_[r] += score_loss(
      term, rows_[r], output_factor, dim_,
      {(exact ? samples_.x : x_tilde_) + at, exact ? samples_.eps + at : nullptr, f, bias,
       target_of(term, samples_.eps + at, call.in.batch.true_score, samples_.first + r), grad_output, grad_x_ + at});
}

void LossTile::backward(const LossCall& call, float* grad) {
  const float* grad_input = jet_.backward(call.params, grad, call.input_gradient);
  if (grad_input == nullptr) return;
  for (int r = 0; r < rows(); ++r) {
    const auto c = static_cast<float>(rows_[r].c);
    for (int i = 0; i < dim_; ++i)
      grad_x_[std::int64_t{r} * x_stride_ + i] += c * grad_input[std::int64_t{r} * stride() + i];
  }
  if (problem_.spec.net.context.columns > 0) add_grad_context(grad_input);
}

void LossTile::add_grad_context(const float* grad_input) {
  const int columns = problem_.spec.net.context.columns, first = dim_ + feature_count(problem_.spec.net.conditioning);
  for (int r = 0; r < rows(); ++r) {
    if (!samples_.has_context[r]) continue;
    float* const to = grad_context_ + std::int64_t{r} * padded(columns);
    for (int i = 0; i < columns; ++i) to[i] += grad_input[std::int64_t{r} * stride() + first + i];
  }
}

}  // namespace scorematch::cpu
