#include "cli/training/baseline.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "model/network.h"
#include "scorematch/perturbation.h"

namespace scorematch::cli {
namespace {

constexpr double kWork = 1.5e10;       // multiplications
constexpr std::int64_t kBatch = 1024;  // rows at a time; the losses do not depend on it

std::int64_t affordable_rows(const LinearScore& score, const Needs& needs) {
  const double products = 2.0 * (2 + needs.projections);  // of a vector with the basis
  const double per_row = products * static_cast<double>(score.dim) * static_cast<double>(score.rank);
  return std::max(static_cast<std::int64_t>(kWork / per_row), std::int64_t{1});
}

}  // namespace

Estimate estimate_of(const std::vector<double>& values) {
  Estimate sum;
  for (const double each : values) sum = sum.merged({1, each, 0});
  return sum;
}

Estimate paired_difference(const std::vector<double>& a, const std::vector<double>& b) {
  Estimate sum;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) sum = sum.merged({1, a[i] - b[i], 0});
  return sum;
}

bool is_clearly_negative(const Estimate& difference) { return difference.mean < -2 * difference.standard_error(); }

std::vector<float> zero_output_params(const MlpShape& net, std::vector<float> params) {
  const MlpShape::Layer last = net.layers().back();
  std::fill_n(params.begin() + last.weight, std::int64_t{last.in} * last.out, 0.0f);
  std::fill_n(params.begin() + last.bias, last.out, 0.0f);
  return params;
}

std::vector<double> linear_losses_of(const LinearScore& score, const Loss& loss, HeldOut& held_out, Queue& queue) {
  const int dim = static_cast<int>(score.dim);
  const Needs needs = needs_of(loss.objective);
  const std::int64_t count = std::min(affordable_rows(score, needs), held_out.rows());
  const std::int64_t batch = std::min(kBatch, count);
  const Engine& engine = held_out.engine();
  const PerturbPlan perturb(engine, dim, loss.schedule, batch);
  auto sigma = engine.allocate<float>(batch), eps = engine.allocate<float>({batch, dim});
  std::optional<DirectionPlan> draw;
  Buffer<float> directions;
  if (needs.projections > 0) {
    draw.emplace(engine, dim, needs.projections, needs.distribution, batch);
    directions = engine.allocate<float>({needs.projections, batch, dim});
  }
  std::vector<double> losses;
  for (std::int64_t first = 0; first < count; first += batch) {
    LossBatch part;
    part.rows = std::min(batch, count - first);
    const ConstView x = held_out.x(first, part.rows);
    part.x = queue.read_f32(x);
    if (loss.schedule.kind != NoiseSchedule::Kind::none) {
      const View sigmas = sigma.samples(0, part.rows), noise = eps.samples(0, part.rows);
      perturb.run(queue, {x, held_out.noise(first)}, {{}, sigmas, {}, noise});
      part.sigma = queue.read_f32(sigmas);
      part.eps = queue.read_f32(noise);
    }
    if (draw) {
      const View drawn(directions.data(), {needs.projections, part.rows, dim});
      draw->run(queue, held_out.noise(first), drawn);
      part.directions = queue.read_f32(drawn);
    }
    const std::vector<double> values = linear_losses(score, loss, part);
    losses.insert(losses.end(), values.begin(), values.end());
  }
  return losses;
}

Baseline make_baseline(const Matrix& training, const MlpShape& net, const std::vector<float>& params, const Loss& loss,
                       HeldOut& held_out, Queue& queue) {
  Baseline baseline;
  baseline.score = fit_linear_score(training);
  if (held_out.rows() == 0) {
    baseline.missing = "no rows are held out";
  } else if (loss.schedule.kind == NoiseSchedule::Kind::none && baseline.score.is_singular) {
    baseline.missing = "the data are on a plane, where a Gaussian has no density";
  } else {
    baseline.gaussian = linear_losses_of(baseline.score, loss, held_out, queue);
    const auto silent = held_out.engine().upload(zero_output_params(net, params));
    baseline.zero = held_out.losses(queue, silent);
  }
  return baseline;
}

}  // namespace scorematch::cli
