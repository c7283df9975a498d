// The head of one sample: the values that follow from its sigma, the score s, and the part of a term that depends on s
// only, with its gradient. A term is data (kernels::Term), so one head serves all objectives. The part along directions
// is in layered/head.cu, fused/direction.cuh and layered/energy_head.cu, which have J v in different forms.
//
// The lanes of a row process its groups of four columns in turn. Values common to all groups of a row are computed
// once. kTile is the memory of the tile's arrays (F, its gradient, saved eps): shared memory in a fused kernel.
#pragma once
#include "device/coefficients.cuh"
#include "device/perturbed.cuh"

namespace scorematch {
namespace kernels {

struct LaneOfRow {
  RowLanes lanes;
  int lane;
};

/// The values of one sample that all lanes of its row share.
struct HeadRow {
  std::int64_t row, sample;  // row in the chunk, sample in the call
  float sigma, a, b, c;
  float noise_target;                         // the factor of eps in a target of the noise
  float loss_factor;                          // lambda times the sample's weight
  float output_factor, x_factor, jvp_factor;  // lambda loss_scale / samples of the whole batch, times b, a and b c
  bool is_sample;                             // false for padding
};

/// The values of a padding row.
SCOREMATCH_DEVICE HeadRow padding_row(std::int64_t row, std::int64_t sample) {
  return {row, sample, 1.0f, 0.0f, 1.0f, 1.0f, 1.0f, 1.0f, 0.0f, 0.0f, 0.0f, false};
}

SCOREMATCH_DEVICE HeadRow head_row(const BatchParams& batch, const Weighting& weighting, double grad_factor,
                                   Term::Target target, float sigma, std::int64_t row, std::int64_t sample) {
  const Coefficients k = coefficients(batch.parameterization, sigma);
  double lambda = weight(weighting, sigma);
  if (batch.weight.data != nullptr) lambda *= ptx::in_global(batch.weight.data)[sample * batch.weight.stride];
  const double factor = lambda * grad_factor;
  HeadRow r;
  r.row = row;
  r.sample = sample;
  r.sigma = sigma;
  r.a = k.a;
  r.b = k.b;
  r.c = k.c;
  r.noise_target = target == Term::Target::residual ? residual_noise(batch.parameterization, sigma) : 1.0f / sigma;
  r.loss_factor = static_cast<float>(lambda);
  r.output_factor = static_cast<float>(factor * static_cast<double>(k.b));
  r.x_factor = static_cast<float>(factor * static_cast<double>(k.a));
  r.jvp_factor = static_cast<float>(factor * static_cast<double>(k.b) * static_cast<double>(k.c));
  r.is_sample = true;
  return r;
}

/// Whether a target is a multiple of eps.
SCOREMATCH_DEVICE bool is_noise(Term::Target target) {
  return target == Term::Target::noise || target == Term::Target::residual;
}

/// Whether the term has a part that depends on s only.
SCOREMATCH_DEVICE bool needs_score(const Term& term) {
  return term.quadratic != 0.0f || term.target != Term::Target::none;
}

/// s = a x_tilde + b F of a sample, four columns at a time; zero at columns dim and beyond. Not for padding rows.
template <Space kTile = Space::global>
struct SampleScore {
  const float* output;
  PerturbedSample<kTile> point;  // its x is null if a = 0
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

/// The part of a term that depends on s only, quadratic |s|^2 / 2 + s.g [+ |g|^2 / 2], four columns at a time.
template <Space kTile>
struct ScoreTerm {
  SampleEps<kTile> eps;
  const float* true_score;
  int dim;
  Term::Target target;
  float quadratic, linear;  // linear: the factor of the target in g
  bool complete_square;

  SCOREMATCH_DEVICE ScoreTerm(const BatchParams& batch, const Term& term, const HeadRow& r,
                              const SampleEps<kTile>& sample_eps)
      : eps(sample_eps),
        true_score(batch.true_score.data + r.sample * batch.true_score.stride),
        dim(batch.dim),
        target(term.target),
        quadratic(term.quadratic),
        linear(is_noise(term.target) ? term.linear * r.noise_target : term.linear),
        complete_square(term.complete_square) {}

  /// Adds to the loss and sets grad to the gradient of s.
  SCOREMATCH_DEVICE void add4(int group, const float (&s)[4], float& loss, float (&grad)[4]) const {
    float g[4] = {};
    if (is_noise(target)) eps.get4(group, g);
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

/// Where the gradients of a row are stored; a null pointer means that one is not wanted.
template <class T>
struct RowGradients {
  T* output;            // gradient of F
  int columns;          // of output; zero from column dim
  const float* slices;  // part of the gradient of F from the directions; null: none
  float* x;             // gradient of x that bypasses the network
  bool adds_x;          // += instead of =
};

/// Evaluates the part of a term that depends on s only, if any, and stores the gradients. Returns this lane's part of
/// the loss.
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

/// The gradients of one direction v as multiples of v: that of J v, and, with the factor v^T s, those of F and of x.
struct DirectionFactors {
  float jvp, output, x;
};
SCOREMATCH_DEVICE DirectionFactors direction_factors(const Term& term, const HeadRow& r, float slice) {
  const float factor = term.weight * slice;
  return {term.weight * r.jvp_factor, factor * r.output_factor, factor * r.x_factor};
}

}  // namespace kernels
}  // namespace scorematch
