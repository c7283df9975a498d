/// @file
/// Trains a network on a KnownScore with one objective and the settings that docs/tutorial.md recommends.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "scorematch/adam.h"
#include "scorematch/loss.h"
#include "support/known_score.h"
#include "support/statistics.h"

namespace scorematch::testing_support {

struct LearningCase {
  std::string objective;  // a name of objectives()
  std::string data;       // gaussian or mixture
  MlpShape::Kind kind;
  double bound;  // for the relative Fisher divergence

  std::string name() const { return objective + "_" + data + (kind == MlpShape::Kind::energy ? "_energy" : "_score"); }
};

struct LearningSettings {
  int dim = 2;
  std::vector<int> hidden = {64, 64};
  std::int64_t rows = 20'000, batch = 512;
  int steps = 2000, projections = 1;
  double learning_rate = 2e-3;  // falls to 0 along a cosine
  Initialization initialization = Initialization::variance_preserving;
  std::uint64_t seed = 1;
};

constexpr double kSingleSigma = 0.3;  // for DSM

inline bool has_cpu_engine() {
  const std::vector<std::string> names = engine_names();
  return std::find(names.begin(), names.end(), "cpu") != names.end();
}

inline Loss loss_named(const std::string& objective, int projections) {
  if (objective == "esm") return {Esm{}};
  if (objective == "ism") return {Ism{}};
  if (objective == "ssm") return {Ssm{projections, Projection::rademacher}};
  if (objective == "ssm_vr") return {SsmVr{projections, Projection::rademacher}};
  return {Dsm{}, schedule::Single{kSingleSigma}};
}

/// The relative Fisher divergence after training from initial_params().
inline double learned_divergence(const Engine& engine, const LearningCase& which, const LearningSettings& settings) {
  const int dim = settings.dim;
  const KnownScore known = which.data == "gaussian" ? KnownScore::gaussian(dim) : KnownScore::mixture(dim);
  const MlpShape net = which.kind == MlpShape::Kind::score ? MlpShape::score(dim, settings.hidden)
                                                           : MlpShape::energy(dim, settings.hidden);
  const Loss loss = loss_named(which.objective, settings.projections);
  const LossPlan plan(engine, net, loss, settings.batch);
  Queue queue(engine, plan.workspace_bytes());
  const std::vector<double> rows = known.samples(settings.rows, 1);
  const auto data = engine.upload(std::vector<float>(rows.begin(), rows.end()), {settings.rows, dim});
  Buffer<float> true_scores;
  if (which.objective == "esm") {
    const std::vector<double> scores = known.scores(rows);
    true_scores = engine.upload(std::vector<float>(scores.begin(), scores.end()), {settings.rows, dim});
  }
  auto params = engine.upload(net.initial_params(settings.seed, settings.initialization));
  auto grad = engine.allocate<float>(net.param_count());
  NoiseState noise(engine, settings.seed);
  Adam::Options options;
  options.max_grad_norm = 1;
  options.ema_decay = 0.99;
  Adam adam(engine, net.param_count(), options);
  const double pi = std::acos(-1.0);
  for (int step = 0; step < settings.steps; ++step, noise.advance(queue)) {
    LossPlan::In in{params, {data, noise}};
    if (which.objective == "esm") {  // the scores belong to rows, so the batches are consecutive
      const std::int64_t first = step * settings.batch % (settings.rows / settings.batch * settings.batch);
      in.batch.x = data.samples(first, settings.batch);
      in.batch.true_score = true_scores.samples(first, settings.batch);
    } else {
      in.batch.draw_rows = settings.batch;
    }
    plan.run(queue, in, {nullptr, grad});
    adam.set_learning_rate(queue, settings.learning_rate * (1 + std::cos(pi * step / settings.steps)) / 2);
    adam.step(queue, params, grad);
  }
  return relative_fisher_divergence(engine, net, queue.read_f32(adam.ema()), known,
                                    which.objective == "dsm" ? kSingleSigma : 0);
}

}  // namespace scorematch::testing_support
