#include "work.h"

namespace scorematch::bench {
namespace {

/// The flops per sample are a A + b B, with A = d H for the outer layers and B = (L - 1) H^2 for the inner ones.
struct Products {
  double a, b;
};

/// With m directions. Includes the score, unless the objective needs only products along the directions (`sliced`).
Products score_net(bool gradient, double m, bool sliced) {
  if (gradient) return {(sliced ? 4 : 10) + 8 * m, 6 * (1 + m)};
  return {(sliced ? 2 : 4) + 4 * m, 2 * (1 + m)};
}

/// All directions are summed into one second derivative, and grad F is a backward pass.
Products energy_net(bool gradient, double m, bool sliced) {
  if (m == 0) return gradient ? Products{10, 14} : Products{4, 4};
  if (gradient) return {(sliced ? 4 : 10) + 4 * m, (sliced ? 12 : 20) + 6 * m};
  return {(sliced ? 2 : 4) + 2 * m, (sliced ? 4 : 6) + 2 * m};
}

/// Of the network, in a call.
double evaluations(const Job& job) {
  if (job.objective == "flow") return 2 * ProbabilityFlow().steps - 1;
  return job.objective == "reverse" ? ReverseSde().steps : 1;
}

}  // namespace

Work work_of(const Job& job) {
  const bool energy = job.kind == MlpShape::Kind::energy, sliced = job.objective == "ssm";
  const double m = job.objective == "ism" ? job.dim : job.projections;
  const Products each = energy ? energy_net(job.gradient, m, sliced) : score_net(job.gradient, m, sliced);
  const double a = double(job.dim) * job.hidden, b = double(job.layers - 1) * job.hidden * job.hidden;
  const auto params = static_cast<double>(job.net().param_count());
  const double rows = 4.0 * double(job.batch) * job.dim;
  if (job.evaluates())
    return {evaluations(job) * double(job.batch) * (each.a * a + each.b * b),
            (job.samples() ? 1 : 2) * rows + 4.0 * params};
  return {double(job.batch) * (each.a * a + each.b * b), rows + 4.0 * params * (job.gradient ? 2 : 1)};
}

}  // namespace scorematch::bench
