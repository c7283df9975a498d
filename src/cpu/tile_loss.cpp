#include "cpu/tile_loss.h"

#include <algorithm>

#include "cpu/gemm.h"
#include "cpu/simd_jet.h"

namespace scorematch::cpu {

TileLoss::TileLoss(const LossProblem& problem, bool gradient, Arena& arena)
    : LossTile(problem, {problem.has_directions(), gradient, false}, arena), score_(arena.take<float>(x_size())) {
  if (!problem.has_directions()) return;
  collapsed_ = arena.take<float>(hidden_size());
  mixed_ = arena.take<float>(hidden_size());
}

void TileLoss::run(const LossCall& call, std::int64_t first, int rows, float* grad) {
  start(call, first, rows);
  for (const Term& term : problem_.terms) {
    start_term(call, term);
    if (call.gradient) std::fill_n(jet_.adjoint(), hidden_size(), 0.0f);
    if (problem_.has_directions()) add_directions(call, term, grad);
    if (term.needs_score()) add_score_term(call, term, grad);
    if (call.gradient) go_back(call, grad);
  }
}

void TileLoss::add_directions(const LossCall& call, const Term& term, float* grad) {
  for (int m = 0; m < problem_.directions(); ++m) {
    load_direction(call, m);
    jet_.tangent_forward(call.params);
    add_direction(call, term, grad);
  }
}

void TileLoss::add_direction(const LossCall& call, const Term& term, float* grad) {
  const float *v = jet_.tangent_input(), *bias = call.params + output_.bias;
  gemm(Op::plain, Op::plain, kTileRows, output_.in, output_.out, v, stride(), call.params + output_.weight, output_.in,
       0.0f, collapsed_, output_.in);
  double along_tangent[kTileRows], along_hidden[kTileRows];
  dot_rows(kTileRows, output_.in, collapsed_, jet_.last_tangent(), along_tangent);
  if (term.sliced_square) dot_rows(kTileRows, output_.in, collapsed_, jet_.last_hidden(), along_hidden);
  for (int r = 0; r < samples_.rows; ++r) {
    const TileRow& k = rows_[r];
    const float *each = v + std::int64_t{r} * stride(), *x = x_tilde_ + std::int64_t{r} * x_stride_;
    double square = 0, along_x = 0, along_bias = 0;
    for (int i = 0; i < dim_; ++i) {
      square += as_double(each[i]) * as_double(each[i]);
      along_x += as_double(each[i]) * as_double(x[i]);
      along_bias += as_double(each[i]) * as_double(bias[i]);
    }
    double loss = k.a * square + k.b * k.c * along_tangent[r];
    if (term.sliced_square) {
      slice_[r] = k.a * along_x + k.b * (along_hidden[r] + along_bias);
      loss += 0.5 * slice_[r] * slice_[r];
    }
    loss_[r] += k.lambda * term.share * loss;
  }
  if (call.gradient) add_direction_gradient(call, term, grad);
}

void TileLoss::add_direction_gradient(const LossCall& call, const Term& term, float* grad) {
  const float* v = jet_.tangent_input();
  float tangent_factor[kTileRows] = {}, slice_factor[kTileRows] = {};  // zero past the samples
  for (int r = 0; r < samples_.rows; ++r) {
    const TileRow& k = rows_[r];
    tangent_factor[r] = static_cast<float>(k.factor * term.share * k.b * k.c);
    slice_factor[r] = term.sliced_square ? static_cast<float>(k.factor * term.share * k.b * slice_[r]) : 0.0f;
  }
  scale_rows(kTileRows, output_.in, tangent_factor, collapsed_, jet_.tangent_adjoint());
  scale_rows(kTileRows, output_.in, tangent_factor, jet_.last_tangent(), mixed_);
  if (term.sliced_square) {
    add_scaled_rows(kTileRows, output_.in, slice_factor, collapsed_, jet_.adjoint());
    add_scaled_rows(kTileRows, output_.in, slice_factor, jet_.last_hidden(), mixed_);
    float* bias = grad + output_.bias;
    for (int r = 0; r < samples_.rows; ++r) {
      const float* each = v + std::int64_t{r} * stride();
      const auto along = static_cast<float>(rows_[r].factor * term.share * rows_[r].a * slice_[r]);
      for (int i = 0; i < dim_; ++i) bias[i] += slice_factor[r] * each[i];
      for (int i = 0; i < dim_; ++i) grad_x_[std::int64_t{r} * x_stride_ + i] += along * each[i];
    }
  }
  gemm(Op::transposed, Op::plain, output_.out, output_.in, kTileRows, v, stride(), mixed_, output_.in, 1.0f,
       grad + output_.weight, output_.in);
  jet_.tangent_backward(call.params, grad);
}

void TileLoss::add_score_term(const LossCall& call, const Term& term, float* grad) {
  gemm(Op::plain, Op::transposed, kTileRows, output_.out, output_.in, jet_.last_hidden(), output_.in,
       call.params + output_.weight, output_.in, 0.0f, score_, output_.out);
  const float* bias = call.params + output_.bias;
  for (int r = 0; r < kTileRows; ++r) {
    const TileRow& k = rows_[r];
    const std::int64_t at = std::int64_t{r} * x_stride_;
    float *output = score_ + at, *grad_x = grad_x_ + at;
    if (r >= samples_.rows) {
      std::fill_n(output, x_stride_, 0.0f);
      continue;
    }
    const double loss = score_term(
        term, call, samples_, r, dim_,
        [&](int i) { return k.a * as_double(x_tilde_[at + i]) + k.b * (as_double(output[i]) + as_double(bias[i])); },
        [&](int i, double adjoint) {
          output[i] = static_cast<float>(k.factor * k.b * adjoint);
          grad_x[i] += static_cast<float>(k.factor * k.a * adjoint);
        });
    loss_[r] += k.lambda * loss;
  }
  if (!call.gradient) return;
  gemm(Op::transposed, Op::plain, output_.out, output_.in, kTileRows, score_, output_.out, jet_.last_hidden(),
       output_.in, 1.0f, grad + output_.weight, output_.in);
  add_column_sums(kTileRows, output_.out, output_.out, score_, grad + output_.bias);
  gemm(Op::plain, Op::plain, kTileRows, output_.in, output_.out, score_, output_.out, call.params + output_.weight,
       output_.in, 1.0f, jet_.adjoint(), output_.in);
}

}  // namespace scorematch::cpu
