// The Metropolis decision on a Langevin step (Roberts & Tweedie 1996; Besag 1994).
//
//   ln q(x | x') - ln q(x' | x) = (|x' - x - h/2 s|^2 - |x - x' - h/2 s'|^2) / (2 h)
//                               = -1/2 (s + s') . (x' - x + h/4 (s' - s))
#include "reference/arrays.h"
#include "reference/programs.h"

namespace scorematch::reference {
namespace {

/// ln q(x | x') - ln q(x' | x).
double log_proposal_ratio(const std::vector<double>& x, const std::vector<double>& s, const std::vector<double>& next_x,
                          const std::vector<double>& next_s, double h) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    sum += (s[i] + next_s[i]) * (next_x[i] - x[i] + h / 4 * (next_s[i] - s[i]));
  return -0.5 * sum;
}

}  // namespace

void metropolis(const MetropolisStep& step) {
  for (std::int64_t n = 0; n < step.x.shape.extent[0]; ++n) {
    const std::vector<double> next_x = row(step.next_x, n), next_score = row(step.next_score, n);
    const double next_f = element(step.next_log_density, n);
    const double log_ratio = next_f - element(step.log_density, n) +
                             log_proposal_ratio(row(step.x, n), row(step.score, n), next_x, next_score, step.step_size);
    if (!std::isfinite(log_ratio) || !(std::log(SampleNoise(step.noise, n).acceptance(step.index)) < log_ratio))
      continue;
    put(step.x, n, next_x);
    put(step.score, n, next_score);
    put_element(step.log_density, n, next_f);
    put_element(step.accepted, n, element(step.accepted, n) + 1);
  }
}

}  // namespace scorematch::reference
