// The score of the caller's own network from its output, and its divergence along directions:
//
//   s = a x + b F      divergence = weight sum_m v_m^T (a v_m + b c (dF/dz) v_m)
#include "reference/arrays.h"
#include "reference/programs.h"

namespace scorematch::reference {

void output_score(const OutputScore& call) {
  const std::int64_t count = call.jvp.empty() ? 0 : call.jvp.shape.extent[0];
  for (std::int64_t n = 0; n < call.x.shape.extent[0]; ++n) {
    const auto [a, b, c] = coefficients(call.parameterization, element(call.sigma, n));
    const std::vector<double> x = row(call.x, n), output = row(call.output, n);
    std::vector<double> score;
    for (std::size_t i = 0; i < x.size(); ++i) score.push_back(a * x[i] + b * output[i]);
    put(call.score, n, score);
    if (call.divergence.empty()) continue;
    double sum = call.add_divergence ? element(call.divergence, n) : 0;
    for (std::int64_t m = 0; m < count; ++m) {
      const std::vector<double> v = row(call.directions, n, m), jvp = row(call.jvp, n, m);
      sum += call.weight * (a * dot(v, v) + b * c * dot(v, jvp));
    }
    put_element(call.divergence, n, sum);
  }
}

}  // namespace scorematch::reference
