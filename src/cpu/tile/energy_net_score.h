// One tile of an energy net: the score, by a backward pass; products with its Jacobian, by a backward pass from a
// tangent; its divergence, from the second derivatives along a basis; and the log-density.
#pragma once
#include <algorithm>

#include "cpu/simd/jet.h"
#include "cpu/tile/directions.h"
#include "cpu/tile/score_tile.h"

namespace scorematch::cpu {

class EnergyNetScore : public ScoreTile {
 public:
  EnergyNetScore(const ScoreProblem& problem, bool tangents, int capacity, Arena& arena)
      : ScoreTile(problem, {tangents, true, tangents}, capacity, arena),
        weights_(take_rows(arena, capacity, output_.in)) {}

  void run(const SampleSource& source, const float* params, const ScoreIn& in, const ScoreOut& out, std::int64_t first,
           int rows) {
    start(source, params, first, rows);
    repeat_row(params + problem_.net.last_rows(), rows, output_.in, weights_);
    if (!out.log_density.empty()) run_log_density(params, out);
    if (!out.score.empty()) {
      std::copy_n(weights_, hidden_size(), jet_.grad_h());
      form_score(jet_.backward(params, nullptr, true), first_in(), nullptr);
      store_rows(out.score, first, rows, result_, x_stride_);
    }
    if (!out.jvp.empty() || !out.divergence_estimate.empty())
      run_directions(source, in, out, [&] {
        jet_.forget_directions();
        jet_.tangent_forward(params);
        std::copy_n(weights_, hidden_size(), jet_.grad_tangent());
        jet_.tangent_backward(params, nullptr);
        std::fill_n(jet_.grad_h(), hidden_size(), 0.0f);
        form_jvp(jet_.backward(params, nullptr, true), first_in());
      });
    if (!out.divergence.empty()) run_divergence(params, out);
  }

 private:
  std::int64_t hidden_size() const { return std::int64_t{samples_.rows} * output_.in; }

  /// f = a/2 |x|^2 + (b/c) F
  void run_log_density(const float* params, const ScoreOut& out) {
    double f[kMaxTileRows];
    dot_rows(samples_.rows, output_.in, weights_, jet_.last_hidden(), f);
    for (int r = 0; r < samples_.rows; ++r) {
      const float* x = x_ + std::int64_t{r} * x_stride_;
      f[r] = 0.5 * k_[r].a * dot(dim_, x, x) + k_[r].b / k_[r].c * (f[r] + static_cast<double>(params[output_.shift]));
    }
    store_values(out.log_density, samples_.first, samples_.rows, f);
  }

  void run_divergence(const float* params, const ScoreOut& out) {
    jet_.forget_directions();
    for (int i = 0; i < dim_; ++i) {
      fill_unit_direction(i, samples_.rows, jet_.tangent_input(), first_in());
      jet_.tangent_forward(params);
      jet_.add_to_second();
    }
    jet_.second_forward(params);
    double trace[kMaxTileRows];
    dot_rows(samples_.rows, output_.in, weights_, jet_.last_second(), trace);
    for (int r = 0; r < samples_.rows; ++r) trace[r] = dim_ * k_[r].a + k_[r].b * k_[r].c * trace[r];
    store_values(out.divergence, samples_.first, samples_.rows, trace);
  }

  float* weights_;  // [rows, output.in]: the output layer's weights, in each row
};

}  // namespace scorematch::cpu
