#include "cli/scan/noise/fit_variance.h"

#include <algorithm>
#include <cmath>

#include "scorematch/adam.h"
#include "scorematch/loss.h"
#include "scorematch/score.h"

namespace scorematch::cli {
namespace {

constexpr std::int64_t kMostRows = 1024;

/// The scores of one fit at the first rows of the data.
std::vector<float> fit_and_evaluate(const Subject& subject, double sigma, const FitOptions& options,
                                    std::uint64_t seed) {
  const Engine& engine = subject.engine;
  const Loss loss{Dsm{}, schedule::Single{sigma}};
  const LossPlan plan(engine, subject.net, loss, options.batch);
  const std::int64_t rows = std::min(subject.rows.rows, kMostRows), d = subject.net.dim;
  const ScorePlan score_plan(engine, subject.net, rows);
  Queue queue(engine, std::max(plan.workspace_bytes(), score_plan.workspace_bytes()));
  auto x = engine.upload(subject.rows.values, {subject.rows.rows, d}), params = engine.upload(subject.params),
       grad = engine.allocate<float>(subject.net.param_count()), score = engine.allocate<float>({rows, d});
  NoiseState noise(engine, seed);
  Adam::Options adam_options;
  adam_options.learning_rate = options.learning_rate;
  adam_options.ema_decay = options.average;
  Adam adam(engine, subject.net.param_count(), adam_options);
  LossPlan::In in{params, {x, noise}};
  in.batch.draw_rows = options.batch;
  LossPlan::Out out;
  out.grad = grad;
  for (std::int64_t step = 0; step < options.steps; ++step) {
    plan.run(queue, in, out);
    adam.step(queue, params, grad);
    noise.advance(queue);
    end_if_interrupted();
  }
  ScorePlan::In score_in{adam.ema(), {ConstView(x).samples(0, rows)}};
  auto level = engine.allocate<float>(1);
  const auto value = static_cast<float>(sigma);
  queue.write(level, &value);
  if (subject.uses_sigma()) score_in.batch.sigma = level;
  ScorePlan::Out score_out;
  score_out.score = score;
  score_plan.run(queue, score_in, score_out);
  return queue.read(score);
}

}  // namespace

FitVariance measure_fit_variance(const Subject& subject, double sigma, const FitOptions& options, std::uint64_t seed) {
  std::vector<std::vector<float>> scores;
  for (int fit = 0; fit < options.fits; ++fit)
    scores.push_back(fit_and_evaluate(subject, sigma, options, seed + static_cast<std::uint64_t>(fit)));
  // The mean over pairs, and its jackknife over fits.
  const auto count = scores.size();
  std::vector<double> with(count);  // sums of squares of the pairs that a fit is in
  double total = 0;
  for (std::size_t a = 0; a < count; ++a)
    for (std::size_t b = 0; b < a; ++b) {
      double square = 0;
      for (std::size_t i = 0; i < scores[a].size(); ++i) {
        const double difference = static_cast<double>(scores[a][i]) - static_cast<double>(scores[b][i]);
        square += difference * difference;
      }
      square *= static_cast<double>(subject.net.dim) / static_cast<double>(scores[a].size());
      total += square, with[a] += square, with[b] += square;
    }
  const double pairs = 0.5 * double(count) * double(count - 1), fewer = 0.5 * double(count - 1) * double(count - 2);
  const double factor = options.samples() * sigma * sigma / 2, mean = total / pairs;
  double spread = 0;
  for (const double each : with) spread += std::pow((total - each) / fewer - mean, 2);
  return {sigma, factor * mean, factor * std::sqrt(spread * double(count - 1) / double(count))};
}

}  // namespace scorematch::cli
