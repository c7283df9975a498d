#include "cpu/tile/loss_tile.h"

#include <algorithm>

#include "cpu/simd/score_term.h"

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
      grad_x_(take_rows(arena, capacity, x_stride_)) {}

void LossTile::start(const LossCall& call, std::int64_t first, int rows) {
  call.samples.load(first, rows, samples_);
  jet_.set_rows(rows, call.in.cancelled);
  std::fill_n(loss_, rows, 0.0);
  std::fill_n(grad_x_, x_size(), 0.0f);
  for (int r = 0; r < rows; ++r) {
    const double sigma = samples_.sigma[r], lambda = weight(problem_.spec.loss.weighting, sigma);
    const Coefficients k = coefficients(problem_.spec.net.parameterization, sigma);
    rows_[r] = {k.a, k.b, k.c, lambda, lambda * call.grad_factor};
  }
}

void LossTile::start_term(const LossCall& call, const Term& term) {
  const MlpShape& net = problem_.spec.net;
  fill_input(samples_, term.point, net.parameterization, net.conditioning, dim_, x_tilde_, jet_.input(), stride());
  jet_.forward(call.params);
}

void LossTile::load_direction(const LossCall& call, int m) {
  if (problem_.terms[0].directions == Term::Directions::basis) {
    fill_unit_direction(m, samples_.rows, jet_.tangent_input(), stride());
    return;
  }
  const Needs needs = needs_of(problem_.spec.loss.objective);
  call.samples.load_direction(call.in.batch.directions, needs.law, m, samples_, jet_.tangent_input(), stride());
}

void LossTile::add_score_loss(const LossCall& call, const Term& term, int r, double output_factor, const float* f,
                              const float* bias, float* output_bar) {
  const TileRow& k = rows_[r];
  const std::int64_t at = std::int64_t{r} * x_stride_;
  const float* target = nullptr;
  double scale = term.linear;
  if (term.target == Term::Target::noise) target = samples_.eps + at, scale /= samples_.sigma[r];
  if (term.target == Term::Target::true_score) {
    const ConstView& given = call.in.batch.true_score;
    target = static_cast<const float*>(given.data) + (samples_.first + r) * given.stride[0];
  }
  const ScoreTerm parts{k.a,           k.b, term.quadratic, scale, term.complete_square, k.factor * output_factor,
                        k.factor * k.a};
  loss_[r] += k.lambda * score_term_row(parts, dim_, x_tilde_ + at, f, bias, target, output_bar, grad_x_ + at);
}

void LossTile::go_back(const LossCall& call, float* grad) {
  const float* input_bar = jet_.backward(call.params, grad, call.input_gradient);
  if (input_bar == nullptr) return;
  for (int r = 0; r < rows(); ++r) {
    const auto c = static_cast<float>(rows_[r].c);
    for (int i = 0; i < dim_; ++i)
      grad_x_[std::int64_t{r} * x_stride_ + i] += c * input_bar[std::int64_t{r} * stride() + i];
  }
}

}  // namespace scorematch::cpu
