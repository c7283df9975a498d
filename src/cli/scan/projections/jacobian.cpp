#include "cli/scan/projections/jacobian.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "model/weighting.h"
#include "scorematch/perturbation.h"
#include "scorematch/score.h"

namespace scorematch::cli {
namespace {

constexpr std::int64_t kMaxDim = 1024, kMostRows = 256, kFewestRows = 4;
constexpr std::int64_t kMostValues = std::int64_t{1} << 24;  // of all Jacobians: 64 MB

}  // namespace

void JacobianShape::add(const double* jacobian, double weight) {
  const auto d = static_cast<std::size_t>(dim);
  double s2 = 0, a2 = 0, diagonal2 = 0, trace = 0;
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j < d; ++j) {
      const double s = (jacobian[i * d + j] + jacobian[j * d + i]) / 2, a = jacobian[i * d + j] - s;
      s2 += s * s, a2 += a * a;
    }
    diagonal2 += jacobian[i * d + i] * jacobian[i * d + i];
    trace += jacobian[i * d + i];
  }
  ++rows;
  const double factor = weight * weight, part = 1 / static_cast<double>(rows);
  symmetric += (factor * s2 - symmetric) * part;
  antisymmetric += (factor * a2 - antisymmetric) * part;
  diagonal += (factor * diagonal2 - diagonal) * part;
  trace_squared += (factor * trace * trace - trace_squared) * part;
}

double product_variance(const JacobianShape& shape, Projection distribution) {
  const double d = shape.dim;
  switch (distribution) {
    case Projection::gaussian:
      return 2 * shape.symmetric;
    case Projection::rademacher:
    case Projection::hadamard:
      return 2 * (shape.symmetric - shape.diagonal);
    case Projection::sphere:
    case Projection::orthogonal:
      return 2 * d / (d + 2) * (shape.symmetric - shape.trace_squared / d);
    case Projection::coordinates:
      return d * shape.diagonal - shape.trace_squared;
  }
  return 0;
}

JacobianShape measure_jacobian(const Subject& subject, std::uint64_t seed) {
  const std::int64_t d = subject.net.dim;
  JacobianShape shape;
  shape.dim = subject.net.dim;
  if (d > kMaxDim) return shape;
  const std::int64_t rows = std::min(subject.rows.rows, std::clamp(kMostValues / (d * d), kFewestRows, kMostRows));
  const Engine& engine = subject.engine;
  const ScorePlan plan(engine, subject.net, rows, subject.net.dim);
  Queue queue(engine, plan.workspace_bytes());
  std::vector<float> chosen;  // at equal distances
  for (std::int64_t n = 0; n < rows; ++n) {
    const float* row = subject.rows.values.data() + n * subject.rows.rows / rows * d;
    chosen.insert(chosen.end(), row, row + d);
  }
  auto x = engine.upload(chosen, {rows, d}), params = engine.upload(subject.params);
  std::vector<float> sigma(static_cast<std::size_t>(rows), 1.0f);
  auto sigma_memory = engine.allocate<float>(rows);
  const bool is_noisy = subject.schedule.kind != NoiseSchedule::Kind::none;
  if (is_noisy) {
    const PerturbPlan perturb(engine, subject.net.dim, subject.schedule, rows);
    NoiseState noise(engine, seed);
    auto x_tilde = engine.allocate<float>({rows, d});
    perturb.run(queue, {x, noise}, {{}, sigma_memory, x_tilde});
    x = std::move(x_tilde);
    sigma = queue.read(sigma_memory);
  }
  std::vector<float> identity(static_cast<std::size_t>(d * rows * d), 0.0f);
  for (std::int64_t k = 0; k < d; ++k)
    for (std::int64_t n = 0; n < rows; ++n) identity[static_cast<std::size_t>((k * rows + n) * d + k)] = 1;
  auto directions = engine.upload(identity, {d, rows, d}), jvp = engine.allocate<float>({d, rows, d});
  ScorePlan::In in{params, {x}};
  in.batch.directions = directions;
  if (subject.uses_sigma()) in.batch.sigma = sigma_memory;
  ScorePlan::Out out;
  out.jvp = jvp;
  plan.run(queue, in, out);
  const std::vector<float> products = queue.read(jvp);
  std::vector<double> jacobian(static_cast<std::size_t>(d * d));
  for (std::int64_t n = 0; n < rows; ++n) {
    for (std::int64_t k = 0; k < d; ++k)  // column k
      for (std::int64_t i = 0; i < d; ++i)
        jacobian[static_cast<std::size_t>(i * d + k)] =
            static_cast<double>(products[static_cast<std::size_t>((k * rows + n) * d + i)]);
    shape.add(jacobian.data(), weight_at(subject.weighting, static_cast<double>(sigma[static_cast<std::size_t>(n)])));
  }
  return shape;
}

}  // namespace scorematch::cli
