#include "cli/scan/noise/bias.h"

#include <algorithm>
#include <cmath>

#include "formats/spec_text.h"
#include "scorematch/estimate.h"
#include "scorematch/score.h"

namespace scorematch::cli {
namespace {

constexpr double kBelowScale = 1.0 / 2, kLevelRatio = 1.5, kAgree = 2;
constexpr int kMostLevels = 8;
constexpr std::int64_t kMostRows = 2048;

/// Scores at the first rows of the data.
class LevelScores {
 public:
  LevelScores(const Subject& subject, std::int64_t rows)
      : subject_(subject),
        rows_(rows),
        x_(subject.engine.upload(
            std::vector<float>(subject.rows.values.begin(), subject.rows.values.begin() + rows * subject.net.dim),
            {rows, subject.net.dim})) {}

  /// Of the network and its twin, if there is one.
  std::pair<std::vector<float>, std::vector<float>> at(double sigma) const {
    std::pair<std::vector<float>, std::vector<float>> scores;
    scores.first = of(subject_.net, subject_.params, sigma);
    if (subject_.twin) scores.second = of(subject_.twin->net, subject_.twin->params, sigma);
    return scores;
  }

 private:
  std::vector<float> of(const MlpShape& net, const std::vector<float>& parameters, double sigma) const {
    const Engine& engine = subject_.engine;
    const ScorePlan plan(engine, net, rows_);
    Queue queue(engine, plan.workspace_bytes());
    auto params = engine.upload(parameters), level = engine.upload(std::vector<float>{static_cast<float>(sigma)});
    auto score = engine.allocate<float>({rows_, net.dim});
    ScorePlan::In in{params, {x_}};
    in.batch.sigma = level;
    ScorePlan::Out out;
    out.score = score;
    plan.run(queue, in, out);
    return queue.read(score);
  }

  const Subject& subject_;
  std::int64_t rows_;
  Buffer<float> x_;
};

}  // namespace

double gaussian_bias(const std::vector<double>& eigenvalues, double high, double low) {
  double sum = 0;
  for (const double each : eigenvalues) {
    const double factor = (1 + high * high / each) * (1 + low * low / each);
    sum += 1 / (factor * factor * each * each * each);
  }
  return sum;
}

void settle(Bias& bias) {
  bias.missing = "E|s_a - s_b|^2/(a^2 - b^2)^2 does not settle toward small levels";
  for (std::size_t i = 1; i < bias.pairs.size(); ++i) {
    const BiasPair &a = bias.pairs[i - 1], &b = bias.pairs[i];
    const bool agree = a.limit > 0 && b.limit > 0 && a.limit < kAgree * b.limit && b.limit < kAgree * a.limit;
    if (!agree && bias.missing.empty()) return;  // below, the networks' errors are all that is left
    if (!agree) continue;
    bias.missing.clear();
    bias.value = std::sqrt(a.limit * b.limit);
    bias.low = std::min(a.limit - 2 * a.limit_error, b.limit - 2 * b.limit_error);
    bias.high = std::max(a.limit + 2 * a.limit_error, b.limit + 2 * b.limit_error);
    bias.low = std::max(bias.low, bias.value / 10);  // an interval of a positive number
  }
}

Bias measure_bias(const Subject& subject, const DataFacts& facts) {
  Bias bias;
  if (facts.eigenvalues.empty()) bias.missing = "the covariance is not known above 1,024 columns";
  if (facts.is_singular()) bias.missing = "the data's covariance is singular";
  if (subject.resolution.duplicates > subject.rows.rows / 100) bias.missing = "many rows are equal";
  const double top = kBelowScale * facts.smallest_scale();
  if (bias.missing.empty() && subject.resolution.model_step > top)
    bias.missing = "the data's step, " + short_text(subject.resolution.model_step, 3) +
                   ", is above half of their smallest scale, " + short_text(top, 3);
  if (bias.missing.empty() && top < kLevelRatio * kLevelRatio * subject.sigma_min)
    bias.missing = "half of the data's smallest scale, " + short_text(top, 3) +
                   ", is not clearly above the smallest noise of the training, " + short_text(subject.sigma_min, 3);
  if (!bias.missing.empty()) return bias;

  const std::int64_t d = subject.net.dim;
  const LevelScores scores(subject, std::min(subject.rows.rows, kMostRows));
  const bool has_twin = subject.twin.has_value();
  auto above = scores.at(top);
  double high = top;
  const double known = gaussian_bias(facts.eigenvalues, 0, 0);
  for (int k = 1; k < kMostLevels && high / kLevelRatio >= subject.sigma_min; ++k) {
    const double low = high / kLevelRatio;
    auto below = scores.at(low);
    Estimate square;
    for (std::size_t n = 0; n < above.first.size(); n += static_cast<std::size_t>(d)) {
      double sum = 0;
      for (std::size_t i = n; i < n + static_cast<std::size_t>(d); ++i) {
        const double one = double{above.first[i]} - double{below.first[i]};
        sum += one * (has_twin ? double{above.second[i]} - double{below.second[i]} : one);
      }
      square = square.merged({1, sum, 0});
    }
    const double scale = std::pow(high * high - low * low, -2);
    const double ratio = gaussian_bias(facts.eigenvalues, high, low) / known, error = square.standard_error() * scale;
    bias.pairs.push_back({high, low, square.mean * scale, error, square.mean * scale / ratio, error / ratio});
    above = std::move(below);
    high = low;
  }
  settle(bias);
  return bias;
}

}  // namespace scorematch::cli
