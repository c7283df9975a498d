// The score of one tile of a score net, products with its Jacobian, and its divergence.
#pragma once
#include "cpu/tile/directions.h"
#include "cpu/tile/score_tile.h"

namespace scorematch::cpu {

class ScoreNetScore : public ScoreTile {
 public:
  ScoreNetScore(const ScoreProblem& problem, bool tangents, int capacity, Arena& arena)
      : ScoreTile(problem, {tangents, false, false}, capacity, arena) {}

  void run(const SampleSource& source, const float* params, const ScoreIn& in, const ScoreOut& out, std::int64_t first,
           int rows) {
    start(source, params, first, rows);
    if (!out.score.empty()) {
      apply_output(params, jet_.last_hidden());
      form_score(result_, x_stride_, params + output_.shift);
      store_rows(out.score, first, rows, result_, x_stride_);
    }
    if (!out.jvp.empty() || !out.divergence_estimate.empty())
      run_directions(source, in, out, [&] {
        jet_.tangent_forward(params);
        apply_output(params, jet_.last_tangent());
        form_jvp(result_, x_stride_);
      });
    if (!out.divergence.empty()) run_divergence(params, out);
  }

 private:
  void apply_output(const float* params, const float* hidden) {
    jet_.multiply(output_.in, output_.out, hidden, output_.in, params + output_.up, false, result_);
  }

  void run_divergence(const float* params, const ScoreOut& out) {
    double trace[kMaxTileRows] = {};
    for (int i = 0; i < dim_; ++i) {
      fill_unit_direction(i, samples_.rows, jet_.tangent_input(), first_in());
      jet_.tangent_forward(params);
      const float* weight = params + problem_.net.last_rows() + std::int64_t{i} * output_.in;  // e_i^T W_o
      for (int r = 0; r < samples_.rows; ++r) {
        const float* tangent = jet_.last_tangent() + std::int64_t{r} * output_.in;
        trace[r] += k_[r].a + k_[r].b * k_[r].c * dot(output_.in, weight, tangent);
      }
    }
    store_values(out.divergence, samples_.first, samples_.rows, trace);
  }
};

}  // namespace scorematch::cpu
