// The score, its Jacobian's products and its divergence of one tile of a score net.
#pragma once
#include <algorithm>

#include "cpu/gemm.h"
#include "cpu/output.h"
#include "cpu/tile_jet.h"
#include "cpu/tile_samples.h"

namespace scorematch::cpu {

struct ScoreProblem {
  explicit ScoreProblem(const ScoreSpec& spec_) : spec(spec_), net(spec_.net) {}
  ScoreSpec spec;
  PaddedNet net;
};

class TileScore {
 public:
  TileScore(const ScoreProblem& problem, bool tangents, Arena& arena)
      : problem_(problem),
        dim_(problem.spec.net.dim),
        x_stride_(padded(dim_)),
        output_(problem.net.last()),
        samples_(dim_, arena),
        jet_(problem.net, problem.spec.net.activation, {tangents, false, false}, arena) {
    const auto size = static_cast<std::size_t>(kTileRows) * static_cast<std::size_t>(x_stride_);
    x_ = arena.take<float>(size);
    result_ = arena.take<float>(size);
  }

  void run(const SampleSource& source, const float* params, const ScorePlan::In& in, const ScorePlan::Out& out,
           std::int64_t first, int rows) {
    const MlpShape& net = problem_.spec.net;
    source.load(first, rows, samples_);
    fill_input(samples_, 0, net.parameterization, net.conditioning, dim_, x_, jet_.input(), first_in());
    for (int r = 0; r < kTileRows; ++r) k_[r] = coefficients(net.parameterization, samples_.sigma[r]);
    jet_.forward(params);
    if (!out.score.empty()) {
      apply_output(params, jet_.last_hidden());
      const float* bias = params + output_.bias;
      combine(x_, x_stride_, [&](int r, int i, double x, double f) {
        return k_[r].a * x + k_[r].b * (f + static_cast<double>(bias[i]));
      });
      store_rows(out.score, first, rows, result_, x_stride_);
    }
    if (!out.jvp.empty() || !out.divergence_estimate.empty()) run_directions(source, params, in, out);
    if (!out.divergence.empty()) run_divergence(params, out);
  }

 private:
  int first_in() const { return problem_.net.layers()[0].in; }

  void apply_output(const float* params, const float* hidden) {
    gemm(Op::plain, Op::transposed, kTileRows, output_.out, output_.in, hidden, output_.in, params + output_.weight,
         output_.in, 0.0f, result_, output_.out);
  }

  /// result(r, i) = formula(r, i, other(r, i), result(r, i))
  template <class Formula>
  void combine(const float* other, int stride, const Formula& formula) {
    for (int r = 0; r < samples_.rows; ++r)
      for (int i = 0; i < dim_; ++i) {
        float& f = result_[std::int64_t{r} * x_stride_ + i];
        f = static_cast<float>(
            formula(r, i, static_cast<double>(other[std::int64_t{r} * stride + i]), static_cast<double>(f)));
      }
  }

  /// J v = a v + b c (dF/dz) v for the direction in place.
  void form_jvp(const float* params) {
    jet_.tangent_forward(params);
    apply_output(params, jet_.last_tangent());
    combine(jet_.tangent_input(), first_in(),
            [&](int r, int, double v, double f) { return k_[r].a * v + k_[r].b * k_[r].c * f; });
  }

  void run_directions(const SampleSource& source, const float* params, const ScorePlan::In& in,
                      const ScorePlan::Out& out) {
    const int count =
        in.directions.empty() ? problem_.spec.projections : static_cast<int>(in.directions.shape.extent[0]);
    double estimate[kTileRows] = {};
    for (int m = 0; m < count; ++m) {
      source.load_direction(in.directions, problem_.spec.law, m, samples_, jet_.tangent_input(), first_in());
      form_jvp(params);
      store_rows(out.jvp, samples_.first, samples_.rows, result_, x_stride_, m);
      for (int r = 0; r < samples_.rows; ++r) {
        const float* v = jet_.tangent_input() + std::int64_t{r} * first_in();
        double along = 0;
        for (int i = 0; i < dim_; ++i)
          along += static_cast<double>(v[i]) * static_cast<double>(result_[std::int64_t{r} * x_stride_ + i]);
        estimate[r] += along / count;
      }
    }
    store_values(out.divergence_estimate, samples_.first, samples_.rows, estimate);
  }

  void run_divergence(const float* params, const ScorePlan::Out& out) {
    double trace[kTileRows] = {};
    float* v = jet_.tangent_input();
    for (int i = 0; i < dim_; ++i) {
      std::fill_n(v, std::int64_t{kTileRows} * first_in(), 0.0f);
      for (int r = 0; r < samples_.rows; ++r) v[std::int64_t{r} * first_in() + i] = 1.0f;
      jet_.tangent_forward(params);
      const float* weight = params + output_.weight + std::int64_t{i} * output_.in;  // e_i^T W_o
      for (int r = 0; r < samples_.rows; ++r) {
        double along = 0;
        const float* tangent = jet_.last_tangent() + std::int64_t{r} * output_.in;
        for (int j = 0; j < output_.in; ++j) along += static_cast<double>(weight[j]) * static_cast<double>(tangent[j]);
        trace[r] += k_[r].a + k_[r].b * k_[r].c * along;
      }
    }
    store_values(out.divergence, samples_.first, samples_.rows, trace);
  }

  const ScoreProblem& problem_;
  int dim_, x_stride_;
  PaddedNet::Layer output_;
  TileSamples samples_;
  TileJet jet_;
  Coefficients k_[kTileRows];
  float *x_, *result_;  // [kTileRows, x_stride]
};

}  // namespace scorematch::cpu
