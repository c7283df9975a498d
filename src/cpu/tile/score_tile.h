// The parts of a tile that the scores of score nets and energy nets have in common: its inputs, and the loop over
// directions. The derived class computes the products with J.
#pragma once
#include "cpu/output.h"
#include "cpu/simd/jet.h"
#include "cpu/simd/row_sums.h"
#include "cpu/tile/jet.h"
#include "cpu/tile/samples.h"

namespace scorematch::cpu {

struct ScoreProblem {
  explicit ScoreProblem(const ScoreSpec& spec_) : spec(spec_), net(spec_.net, spec_.compute.precision) {}
  ScoreSpec spec;
  PaddedNet net;
};

class ScoreTile {
 protected:
  ScoreTile(const ScoreProblem& problem, const JetParts& parts, int capacity, Arena& arena)
      : problem_(problem),
        dim_(problem.spec.net.dim),
        x_stride_(padded(dim_)),
        output_(problem.net.last()),
        samples_(dim_, capacity, arena),
        jet_(problem.net, problem.spec.net.activation, parts, capacity, arena),
        x_(take_rows(arena, capacity, x_stride_)),
        result_(take_rows(arena, capacity, x_stride_)) {}

  /// Runs samples [first, first + rows) through the network.
  void start(const SampleSource& source, const float* params, std::int64_t first, int rows) {
    const MlpShape& net = problem_.spec.net;
    source.load(first, rows, samples_);
    jet_.set_rows(rows);
    fill_input(samples_, 0, net.parameterization, net.conditioning, net.context, dim_, x_, jet_.input(), first_in());
    for (int r = 0; r < rows; ++r) k_[r] = coefficients(net.parameterization, samples_.sigma[r]);
    jet_.forward(params);
  }

  int first_in() const { return problem_.net.layers()[0].in; }

  /// result = a x + b (F + bias). of_network may be result_, and bias null.
  void form_score(const float* of_network, int network_stride, const float* bias) {
    for (int r = 0; r < samples_.rows; ++r)
      score_row(k_[r].a, k_[r].b, dim_, x_ + std::int64_t{r} * x_stride_, of_network + std::int64_t{r} * network_stride,
                bias, result_ + std::int64_t{r} * x_stride_);
  }
  /// J v = a v + b c (dF/dz) v for the current direction. An energy net has the second derivatives of F instead of
  /// dF/dz.
  void form_jvp(const float* of_network, int network_stride) {
    for (int r = 0; r < samples_.rows; ++r)
      score_row(k_[r].a, k_[r].b * k_[r].c, dim_, jet_.tangent_input() + std::int64_t{r} * first_in(),
                of_network + std::int64_t{r} * network_stride, nullptr, result_ + std::int64_t{r} * x_stride_);
  }

  /// J v for each direction, and the mean of v^T J v. compute_jvp() computes J v of the current direction in result_.
  template <class ComputeJvp>
  void run_directions(const SampleSource& source, const ScoreIn& in, const ScoreOut& out,
                      const ComputeJvp& compute_jvp) {
    const int count =
        in.batch.directions.empty() ? problem_.spec.projections : static_cast<int>(in.batch.directions.shape.extent[0]);
    double estimate[kMaxTileRows] = {};
    for (int m = 0; m < count; ++m) {
      source.load_direction(in.batch.directions, problem_.spec.distribution, m, samples_, jet_.tangent_input(),
                            first_in());
      compute_jvp();
      store_rows(out.jvp, samples_.first, samples_.rows, result_, x_stride_, m);
      for (int r = 0; r < samples_.rows; ++r) {
        const float* v = jet_.tangent_input() + std::int64_t{r} * first_in();
        estimate[r] += dot(dim_, v, result_ + std::int64_t{r} * x_stride_) / count;
      }
    }
    store_values(out.divergence_estimate, samples_.first, samples_.rows, estimate);
  }

  const ScoreProblem& problem_;
  int dim_, x_stride_;
  PaddedNet::Layer output_;
  TileSamples samples_;
  TileJet jet_;
  Coefficients k_[kMaxTileRows];
  float *x_, *result_;  // [rows, x_stride]
};

}  // namespace scorematch::cpu
