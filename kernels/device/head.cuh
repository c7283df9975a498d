// The head of one sample: what follows from its sigma, s, and the part of a term that is a function of s alone, with
// its gradient. A term is data (kernels::Term), so all objectives have this one head; the part along directions is that
// of layered/head.cu, fused/direction.cuh and layered/energy_head.cu, which differ in what they have of J v.
//
// The lanes of a row take its groups of four columns in turn. What a row's groups have in common is computed once. In a
// fused kernel the tile's arrays (F, its gradient, saved eps) are in shared memory: kTile.
#pragma once
#include "device/coefficients.cuh"
#include "device/perturbed.cuh"

namespace scorematch {
namespace kernels {

struct LaneOfRow {
  RowLanes lanes;
  int lane;
};

/// One sample, as all lanes of its row know it.
struct HeadRow {
  std::int64_t row, sample;  // of the chunk; of the call
  float sigma, a, b, c;
  float inverse_sigma;
  float loss_factor;                          // lambda
  float output_factor, x_factor, jvp_factor;  // lambda loss_scale / samples of the whole batch, times b, a and b c
  bool is_sample;                             // else padding
};

/// Of a row that is padding.
SCOREMATCH_DEVICE HeadRow padding_row(std::int64_t row, std::int64_t sample) {
  return {row, sample, 1.0f, 0.0f, 1.0f, 1.0f, 1.0f, 1.0f, 0.0f, 0.0f, 0.0f, false};
}

SCOREMATCH_DEVICE HeadRow head_row(const BatchParams& batch, const Weighting& weighting, double grad_factor,
                                   float sigma, std::int64_t row, std::int64_t sample) {
  const Coefficients k = coefficients(batch.parameterization, sigma);
  const double lambda = weight(weighting, sigma), factor = lambda * grad_factor;
  HeadRow r;
  r.row = row;
  r.sample = sample;
  r.sigma = sigma;
  r.a = k.a;
  r.b = k.b;
  r.c = k.c;
  r.inverse_sigma = 1.0f / sigma;
  r.loss_factor = static_cast<float>(lambda);
  r.output_factor = static_cast<float>(factor * static_cast<double>(k.b));
  r.x_factor = static_cast<float>(factor * static_cast<double>(k.a));
  r.jvp_factor = static_cast<float>(factor * static_cast<double>(k.b) * static_cast<double>(k.c));
  r.is_sample = true;
  return r;
}

/// Whether the term has a part that is a function of s alone.
SCOREMATCH_DEVICE bool needs_score(const Term& term) {
  return term.quadratic != 0.0f || term.target != Term::Target::none;
}

/// s = a x_tilde + b F of a row that is a sample, four columns at a time; zero from dim on.
template <Space kTile = Space::global>
struct SampleScore {
  const float* output;
  PerturbedSample<kTile> point;  // its x null where a = 0
  float a, b;

  SCOREMATCH_DEVICE SampleScore(const BatchParams& batch, const HeadRow& r, const SampleEps<kTile>& eps, float at,
                                const float* output_row)
      : output(output_row),
        point{r.a == 0.0f ? nullptr : data_row(batch.data, batch.noise, r.sample), eps, at * r.sigma, batch.dim},
        a(r.a),
        b(r.b) {}

  SCOREMATCH_DEVICE void get4(int group, float (&s)[4]) const {
    read4(ptx::in<kTile>(output), group, point.dim, s);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) s[i] *= b;
    if (point.x == nullptr) return;
    float x_tilde[4];
    point.get4(group, x_tilde);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) s[i] = fmaf(a, x_tilde[i], s[i]);
  }
};

/// The part of a term that is a function of s alone, quadratic |s|^2 / 2 + s.g [+ |g|^2 / 2], four columns at a time.
template <Space kTile>
struct ScoreTerm {
  SampleEps<kTile> eps;
  const float* true_score;
  int dim;
  Term::Target target;
  float quadratic, linear;  // linear: of the target in g
  bool complete_square;

  SCOREMATCH_DEVICE ScoreTerm(const BatchParams& batch, const Term& term, const HeadRow& r,
                              const SampleEps<kTile>& sample_eps)
      : eps(sample_eps),
        true_score(batch.true_score.data + r.sample * batch.true_score.stride),
        dim(batch.dim),
        target(term.target),
        quadratic(term.quadratic),
        linear(term.target == Term::Target::noise ? term.linear * r.inverse_sigma : term.linear),
        complete_square(term.complete_square) {}

  /// Adds to the loss; grad is that of s.
  SCOREMATCH_DEVICE void add4(int group, const float (&s)[4], float& loss, float (&grad)[4]) const {
    float g[4] = {};
    if (target == Term::Target::noise) eps.get4(group, g);
    if (target == Term::Target::true_score) read4(ptx::in_global(true_score), group, dim, g);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) {
      g[i] *= linear;
      grad[i] = fmaf(quadratic, s[i], g[i]);
      loss =
          complete_square ? fmaf(0.5f * grad[i], grad[i], loss) : fmaf(fmaf(0.5f * quadratic, s[i], g[i]), s[i], loss);
    }
  }
};

/// Where a row's gradients go; null where they are not wanted.
template <class T>
struct RowGradients {
  T* output;            // of F
  int columns;          // of it, zero from dim on
  const float* slices;  // of F too, what directions left; null: nothing
  float* x;             // of x, past the network
  bool adds_x;          // to what is there
};

/// The part of a term that is a function of s alone, if there is one: this lane's part of the loss. Stores the
/// gradients.
template <class T, Space kTile>
SCOREMATCH_DEVICE float run_score_term(const Term& term, const HeadRow& r, const SampleScore<kTile>& score,
                                       const ScoreTerm<kTile>& score_term, const RowGradients<T>& grads,
                                       const LaneOfRow& at) {
  float loss = 0.0f;
  const int dim = r.is_sample ? score_term.dim : 0, columns = grads.columns;
  const float output_factor = r.output_factor, x_factor = r.x_factor;
  const bool has_score = needs_score(term);
  for (int g = at.lane; g < group_count(columns); g += at.lanes.lanes()) {
    float grad[4] = {}, out[4] = {};
    if (has_score && 4 * g < dim) {
      float s[4];
      score.get4(g, s);
      score_term.add4(g, s, loss, grad);
    }
    if (grads.output != nullptr) {
      if (grads.slices != nullptr && 4 * g < score_term.dim) read4(grads.slices, g, score_term.dim, out);
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) out[i] = fmaf(output_factor, grad[i], out[i]);
      write4(ptx::in<kTile>(grads.output), g, columns, out);
    }
    if (grads.x == nullptr || 4 * g >= dim) continue;
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) out[i] = 0.0f;
    if (grads.adds_x) read4(ptx::in_global(grads.x), g, dim, out);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) out[i] = fmaf(x_factor, grad[i], out[i]);
    write4(ptx::in_global(grads.x), g, dim, out);
  }
  return loss;
}

/// The gradients of one direction as multiples: of J v's, the direction itself; of F's and of x's, v^T s times it.
struct DirectionFactors {
  float jvp, output, x;
};
SCOREMATCH_DEVICE DirectionFactors direction_factors(const Term& term, const HeadRow& r, float slice) {
  const float factor = term.weight * slice;
  return {term.weight * r.jvp_factor, factor * r.output_factor, factor * r.x_factor};
}

}  // namespace kernels
}  // namespace scorematch
