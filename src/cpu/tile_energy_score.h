// The score of one tile of an energy net by a way back, products with its Jacobian by a way back from a tangent, its
// divergence by the second derivatives along a basis, its log-density.
#pragma once
#include <algorithm>

#include "cpu/output.h"
#include "cpu/simd_jet.h"
#include "cpu/tile_score.h"

namespace scorematch::cpu {

class TileEnergyScore {
 public:
  TileEnergyScore(const ScoreProblem& problem, bool tangents, Arena& arena)
      : problem_(problem),
        dim_(problem.spec.net.dim),
        x_stride_(padded(dim_)),
        output_(problem.net.last()),
        samples_(dim_, arena),
        jet_(problem.net, problem.spec.net.activation, {tangents, true, tangents}, arena) {
    const auto size = static_cast<std::size_t>(kTileRows) * static_cast<std::size_t>(x_stride_);
    x_ = arena.take<float>(size);
    result_ = arena.take<float>(size);
    weights_ = arena.take<float>(static_cast<std::size_t>(kTileRows) * static_cast<std::size_t>(output_.in));
  }

  void run(const SampleSource& source, const float* params, const ScorePlan::In& in, const ScorePlan::Out& out,
           std::int64_t first, int rows) {
    const MlpShape& net = problem_.spec.net;
    source.load(first, rows, samples_);
    fill_input(samples_, 0, net.parameterization, net.conditioning, dim_, x_, jet_.input(), first_in());
    for (int r = 0; r < kTileRows; ++r) {
      k_[r] = coefficients(net.parameterization, samples_.sigma[r]);
      std::copy_n(params + output_.weight, output_.in, weights_ + std::int64_t{r} * output_.in);
    }
    jet_.forward(params);
    if (!out.log_density.empty()) run_log_density(params, out);
    if (!out.score.empty()) {
      std::copy_n(weights_, std::int64_t{kTileRows} * output_.in, jet_.adjoint());
      combine(jet_.backward(params, nullptr, true), x_, x_stride_,
              [&](int r, double x, double f) { return k_[r].a * x + k_[r].b * f; });
      store_rows(out.score, first, rows, result_, x_stride_);
    }
    if (!out.jvp.empty() || !out.divergence_estimate.empty()) run_directions(source, params, in, out);
    if (!out.divergence.empty()) run_divergence(params, out);
  }

 private:
  int first_in() const { return problem_.net.layers()[0].in; }

  /// result(r, i) = formula(r, other(r, i), of_network(r, i)), of_network having the rows of the network's input
  template <class Formula>
  void combine(const float* of_network, const float* other, int stride, const Formula& formula) {
    for (int r = 0; r < samples_.rows; ++r)
      for (int i = 0; i < dim_; ++i)
        result_[std::int64_t{r} * x_stride_ + i] =
            static_cast<float>(formula(r, static_cast<double>(other[std::int64_t{r} * stride + i]),
                                       static_cast<double>(of_network[std::int64_t{r} * first_in() + i])));
  }

  /// f = a/2 |x|^2 + (b/c) F
  void run_log_density(const float* params, const ScorePlan::Out& out) {
    double f[kTileRows];
    dot_rows(kTileRows, output_.in, weights_, jet_.last_hidden(), f);
    for (int r = 0; r < samples_.rows; ++r) {
      double square = 0;
      for (int i = 0; i < dim_; ++i) {
        const auto x = static_cast<double>(x_[std::int64_t{r} * x_stride_ + i]);
        square += x * x;
      }
      f[r] = 0.5 * k_[r].a * square + k_[r].b / k_[r].c * (f[r] + static_cast<double>(params[output_.bias]));
    }
    store_values(out.log_density, samples_.first, samples_.rows, f);
  }

  void run_directions(const SampleSource& source, const float* params, const ScorePlan::In& in,
                      const ScorePlan::Out& out) {
    const int count =
        in.directions.empty() ? problem_.spec.projections : static_cast<int>(in.directions.shape.extent[0]);
    double estimate[kTileRows] = {};
    for (int m = 0; m < count; ++m) {
      source.load_direction(in.directions, problem_.spec.law, m, samples_, jet_.tangent_input(), first_in());
      jet_.forget_directions();
      jet_.tangent_forward(params);
      std::copy_n(weights_, std::int64_t{kTileRows} * output_.in, jet_.tangent_adjoint());
      jet_.tangent_backward(params, nullptr);
      std::fill_n(jet_.adjoint(), std::int64_t{kTileRows} * output_.in, 0.0f);
      combine(jet_.backward(params, nullptr, true), jet_.tangent_input(), first_in(),
              [&](int r, double v, double f) { return k_[r].a * v + k_[r].b * k_[r].c * f; });
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
    float* v = jet_.tangent_input();
    jet_.forget_directions();
    for (int i = 0; i < dim_; ++i) {
      std::fill_n(v, std::int64_t{kTileRows} * first_in(), 0.0f);
      for (int r = 0; r < samples_.rows; ++r) v[std::int64_t{r} * first_in() + i] = 1.0f;
      jet_.tangent_forward(params);
      jet_.add_to_second();
    }
    jet_.second_forward(params);
    double trace[kTileRows];
    dot_rows(kTileRows, output_.in, weights_, jet_.last_second(), trace);
    for (int r = 0; r < samples_.rows; ++r) trace[r] = dim_ * k_[r].a + k_[r].b * k_[r].c * trace[r];
    store_values(out.divergence, samples_.first, samples_.rows, trace);
  }

  const ScoreProblem& problem_;
  int dim_, x_stride_;
  PaddedNet::Layer output_;
  TileSamples samples_;
  TileJet jet_;
  Coefficients k_[kTileRows];
  float *x_, *result_;  // [kTileRows, x_stride]
  float* weights_;      // [kTileRows, output.in]: the output's weights in each row
};

}  // namespace scorematch::cpu
