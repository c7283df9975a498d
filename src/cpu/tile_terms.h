// What the losses of score nets and of energy nets have in common on a tile: what is a row's, directions, and the part
// of a term that is a function of s alone.
#pragma once
#include <algorithm>

#include "cpu/tile_samples.h"
#include "terms.h"

namespace scorematch::cpu {

/// What a plan knows.
struct LossProblem {
  explicit LossProblem(const LossSpec& spec_) : spec(spec_), net(spec_.net), terms(terms_of(spec_.loss.objective)) {}
  LossSpec spec;
  PaddedNet net;
  std::vector<Term> terms;

  bool has_directions() const { return terms[0].directions != Term::Directions::none; }
  int directions() const {
    if (!has_directions()) return 0;
    return terms[0].directions == Term::Directions::basis ? spec.net.dim : needs_of(spec.loss.objective).projections;
  }
};

/// What a call adds.
struct LossCall {
  const LossPlan::In& in;
  const SampleSource& samples;
  const float* params;  // padded
  double grad_factor;   // loss_scale over the whole batch's sample count
  bool gradient;        // of the parameters or of x
  bool input_gradient;
};

struct TileRow {
  double a, b, c;
  double lambda;
  double factor;  // lambda grad_factor; 0 past the samples
};

inline void set_rows(const LossProblem& problem, const LossCall& call, const TileSamples& samples,
                     TileRow (&rows)[kTileRows]) {
  for (int r = 0; r < kTileRows; ++r) {
    const double sigma = samples.sigma[r], lambda = weight(problem.spec.loss.weighting, sigma);
    const Coefficients k = coefficients(problem.spec.net.parameterization, sigma);
    rows[r] = {k.a, k.b, k.c, lambda, r < samples.rows ? lambda * call.grad_factor : 0.0};
  }
}

/// Direction m, zero past the samples and past dim. @param v [kTileRows, stride]
inline void load_direction(const LossProblem& problem, const LossCall& call, const TileSamples& samples, int m,
                           float* v, int stride) {
  if (problem.terms[0].directions == Term::Directions::drawn) {
    const Needs needs = needs_of(problem.spec.loss.objective);
    call.samples.load_direction(call.in.directions, needs.law, m, samples, v, stride);
    return;
  }
  std::fill_n(v, std::int64_t{kTileRows} * stride, 0.0f);
  for (int r = 0; r < samples.rows; ++r) v[std::int64_t{r} * stride + m] = 1.0f;
}

/// quadratic |s|^2 / 2 + s.g [+ |g|^2 / 2] of row r, unweighted. @param score s_i of i
/// @param each called with i and the adjoint of s_i
template <class Score, class Each>
double score_term(const Term& term, const LossCall& call, const TileSamples& samples, int r, int dim,
                  const Score& score, const Each& each) {
  const float* target = nullptr;
  double scale = 0;
  if (term.target == Term::Target::noise)
    target = samples.eps + std::int64_t{r} * padded(dim), scale = term.linear / samples.sigma[r];
  if (term.target == Term::Target::true_score) {
    const ConstView& given = call.in.true_score;
    target = static_cast<const float*>(given.data) + (samples.first + r) * given.stride[0];
    scale = term.linear;
  }
  double loss = 0;
  for (int i = 0; i < dim; ++i) {
    const double s = score(i), g = target == nullptr ? 0 : scale * static_cast<double>(target[i]);
    loss += term.complete_square ? 0.5 * (s + g) * (s + g) : (0.5 * term.quadratic * s + g) * s;
    each(i, term.quadratic * s + g);
  }
  return loss;
}

}  // namespace scorematch::cpu
