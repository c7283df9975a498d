#include "cpu/tile_energy_loss.h"

#include <algorithm>

#include "cpu/simd_jet.h"

namespace scorematch::cpu {
namespace {

double as_double(float value) { return static_cast<double>(value); }

/// s itself is a way back, and its adjoint a tangent.
JetParts parts_of(const LossProblem& problem, bool gradient) {
  const bool directions = problem.has_directions(), score = problem.terms[0].needs_score();
  return {directions || (score && gradient), score || gradient, directions};
}

}  // namespace

TileEnergyLoss::TileEnergyLoss(const LossProblem& problem, bool gradient, Arena& arena)
    : problem_(problem),
      dim_(problem.spec.net.dim),
      x_stride_(padded(dim_)),
      output_(problem.net.last()),
      samples_(dim_, arena),
      jet_(problem.net, problem.spec.net.activation, parts_of(problem, gradient), arena),
      loss_(arena.take<double>(kTileRows)) {
  const auto size = static_cast<std::size_t>(kTileRows) * static_cast<std::size_t>(x_stride_);
  x_tilde_ = arena.take<float>(size);
  grad_x_ = arena.take<float>(size);
  u_ = arena.take<float>(size);
  const auto hidden = static_cast<std::size_t>(kTileRows) * static_cast<std::size_t>(output_.in);
  weights_ = arena.take<float>(hidden);
  scaled_ = arena.take<float>(hidden);
}

void TileEnergyLoss::run(const LossCall& call, std::int64_t first, int rows, float* grad) {
  const MlpShape& net = problem_.spec.net;
  call.samples.load(first, rows, samples_);
  std::fill_n(loss_, kTileRows, 0.0);
  std::fill_n(grad_x_, std::int64_t{kTileRows} * x_stride_, 0.0f);
  set_rows(problem_, call, samples_, rows_);
  for (int r = 0; r < kTileRows; ++r)
    std::copy_n(call.params + output_.weight, output_.in, weights_ + std::int64_t{r} * output_.in);
  for (const Term& term : problem_.terms) {
    fill_input(samples_, term.point, net.parameterization, net.conditioning, dim_, x_tilde_, jet_.input(), stride());
    jet_.forward(call.params);
    if (term.needs_score()) add_score_term(call, term);
    if (problem_.has_directions()) add_directions(call, term);
    if (call.gradient) go_back(call, term, grad);
  }
}

void TileEnergyLoss::add_score_term(const LossCall& call, const Term& term) {
  std::copy_n(weights_, std::int64_t{kTileRows} * output_.in, jet_.adjoint());
  const float* gradient = jet_.backward(call.params, nullptr, true);
  std::fill_n(u_, std::int64_t{kTileRows} * x_stride_, 0.0f);
  for (int r = 0; r < samples_.rows; ++r) {
    const TileRow& k = rows_[r];
    const std::int64_t at = std::int64_t{r} * x_stride_;
    const float* row = gradient + std::int64_t{r} * stride();
    loss_[r] += k.lambda * score_term(
                               term, call, samples_, r, dim_,
                               [&](int i) { return k.a * as_double(x_tilde_[at + i]) + k.b * as_double(row[i]); },
                               [&](int i, double adjoint) {
                                 u_[at + i] = static_cast<float>(k.factor * adjoint);
                                 grad_x_[at + i] += static_cast<float>(k.factor * k.a * adjoint);
                               });
  }
}

void TileEnergyLoss::find_slices(double (&slices)[kTileRows]) const {
  dot_rows(kTileRows, output_.in, weights_, jet_.last_tangent(), slices);
  for (int r = 0; r < samples_.rows; ++r) {
    const float *v = jet_.tangent_input() + std::int64_t{r} * stride(), *x = x_tilde_ + std::int64_t{r} * x_stride_;
    double along = 0;
    for (int i = 0; i < dim_; ++i) along += as_double(v[i]) * as_double(x[i]);
    slices[r] = rows_[r].a * along + rows_[r].b * slices[r];
  }
}

void TileEnergyLoss::add_directions(const LossCall& call, const Term& term) {
  double sums[kTileRows] = {};
  for (int m = 0; m < problem_.directions(); ++m) {
    load_direction(problem_, call, samples_, m, jet_.tangent_input(), stride());
    jet_.tangent_forward(call.params);
    jet_.add_to_second();
    double slices[kTileRows];
    if (term.sliced_square) find_slices(slices);
    for (int r = 0; r < samples_.rows; ++r) {
      const float* v = jet_.tangent_input() + std::int64_t{r} * stride();
      double square = 0;
      for (int i = 0; i < dim_; ++i) square += as_double(v[i]) * as_double(v[i]);
      sums[r] += rows_[r].a * square + (term.sliced_square ? 0.5 * slices[r] * slices[r] : 0.0);
    }
  }
  jet_.second_forward(call.params);
  double second[kTileRows];
  dot_rows(kTileRows, output_.in, weights_, jet_.last_second(), second);
  for (int r = 0; r < samples_.rows; ++r)
    loss_[r] += rows_[r].lambda * term.share * (sums[r] + rows_[r].b * rows_[r].c * second[r]);
}

void TileEnergyLoss::start_back(const float* factor, const float* h, float* adjoint, float* grad) const {
  scale_rows(kTileRows, output_.in, factor, weights_, adjoint);
  scale_rows(kTileRows, output_.in, factor, h, scaled_);
  add_column_sums(kTileRows, output_.in, output_.in, scaled_, grad + output_.weight);
}

void TileEnergyLoss::second_back(const LossCall& call, const Term& term, float* grad) {
  float factor[kTileRows];
  for (int r = 0; r < kTileRows; ++r)
    factor[r] = static_cast<float>(rows_[r].factor * term.share * rows_[r].b * rows_[r].c);
  start_back(factor, jet_.last_second(), jet_.second_adjoint(), grad);
  jet_.second_backward(call.params, grad);
}

/// Every direction, the last of which is in place: what v^T s sends back, and what bends with z_m.
void TileEnergyLoss::slices_back(const LossCall& call, const Term& term, float* grad) {
  for (int m = problem_.directions() - 1; m >= 0; --m) {
    if (m + 1 < problem_.directions()) {
      load_direction(problem_, call, samples_, m, jet_.tangent_input(), stride());
      jet_.tangent_forward(call.params);
    }
    float factor[kTileRows] = {};
    double slices[kTileRows];
    if (term.sliced_square) find_slices(slices);
    for (int r = 0; term.sliced_square && r < samples_.rows; ++r) {
      const double slice = rows_[r].factor * term.share * slices[r];
      factor[r] = static_cast<float>(slice * rows_[r].b);
      const auto along = static_cast<float>(slice * rows_[r].a);
      for (int i = 0; i < dim_; ++i)
        grad_x_[std::int64_t{r} * x_stride_ + i] += along * jet_.tangent_input()[std::int64_t{r} * stride() + i];
    }
    start_back(factor, jet_.last_tangent(), jet_.tangent_adjoint(), grad);
    jet_.tangent_backward(call.params, grad, true);
  }
}

void TileEnergyLoss::score_back(const LossCall& call, float* grad) {
  float factor[kTileRows];
  for (int r = 0; r < kTileRows; ++r) {
    factor[r] = r < samples_.rows ? static_cast<float>(rows_[r].b) : 0.0f;
    float* tangent = jet_.tangent_input() + std::int64_t{r} * stride();
    std::fill_n(tangent, stride(), 0.0f);
    std::copy_n(u_ + std::int64_t{r} * x_stride_, dim_, tangent);
  }
  jet_.tangent_forward(call.params);
  start_back(factor, jet_.last_tangent(), jet_.tangent_adjoint(), grad);
  jet_.tangent_backward(call.params, grad);
}

void TileEnergyLoss::go_back(const LossCall& call, const Term& term, float* grad) {
  if (problem_.has_directions()) {
    second_back(call, term, grad);
    slices_back(call, term, grad);
  }
  if (term.needs_score()) score_back(call, grad);
  std::fill_n(jet_.adjoint(), std::int64_t{kTileRows} * output_.in, 0.0f);
  const float* input_bar = jet_.backward(call.params, grad, call.input_gradient);
  for (int r = 0; input_bar != nullptr && r < samples_.rows; ++r)
    for (int i = 0; i < dim_; ++i)
      grad_x_[std::int64_t{r} * x_stride_ + i] +=
          static_cast<float>(rows_[r].c) * input_bar[std::int64_t{r} * stride() + i];
}

}  // namespace scorematch::cpu
