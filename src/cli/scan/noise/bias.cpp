#include "cli/scan/noise/bias.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "formats/spec_text.h"
#include "scorematch/estimate.h"
#include "scorematch/perturbation.h"
#include "scorematch/score.h"

namespace scorematch::cli {
namespace {

constexpr double kBelowScale = 1.0 / 2, kLevelRatio = 1.5, kAgree = 2;
constexpr int kMostLevels = 8;
constexpr std::int64_t kMostRows = 2048;

/// Scores at the first rows of the data with noise.
class LevelScores {
 public:
  LevelScores(const Subject& subject, std::int64_t rows, std::uint64_t seed)
      : subject_(subject),
        rows_(rows),
        x_(subject.engine.upload(
            std::vector<float>(subject.rows.values.begin(), subject.rows.values.begin() + rows * subject.net.dim),
            {rows, subject.net.dim})),
        x_tilde_(subject.engine.allocate<float>({rows, subject.net.dim})),
        noise_(subject.engine, seed) {}

  /// From now on the scores are those at the rows with this noise.
  void move_to(double sigma) {
    const PerturbPlan plan(subject_.engine, subject_.net.dim, schedule::Single{sigma}, rows_);
    Queue queue(subject_.engine, 0);
    plan.run(queue, {x_, noise_}, {{}, {}, x_tilde_});
    queue.synchronize();
  }
  /// s_a - s_b of a network, [rows, d].
  std::vector<double> difference(const MlpShape& net, const std::vector<float>& params, double a, double b) const {
    const std::vector<float> first = of(net, params, a), second = of(net, params, b);
    std::vector<double> values(first.size());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = double{first[i]} - double{second[i]};
    return values;
  }

 private:
  std::vector<float> of(const MlpShape& net, const std::vector<float>& parameters, double sigma) const {
    const Engine& engine = subject_.engine;
    const ScorePlan plan(engine, net, rows_);
    Queue queue(engine, plan.workspace_bytes());
    auto params = engine.upload(parameters), level = engine.upload(std::vector<float>{static_cast<float>(sigma)});
    auto score = engine.allocate<float>({rows_, net.dim});
    ScorePlan::In in{params, {x_tilde_}};
    in.batch.sigma = level;
    ScorePlan::Out out;
    out.score = score;
    plan.run(queue, in, out);
    return queue.read(score);
  }

  const Subject& subject_;
  std::int64_t rows_;
  Buffer<float> x_, x_tilde_;
  NoiseState noise_;
};

}  // namespace

double gaussian_bias(const std::vector<double>& eigenvalues, double high, double low) {
  double sum = 0;
  for (const double each : eigenvalues) {
    const double above = 1 + high * high / each, below = 1 + low * low / each;
    sum += 1 / (above * above * below * each * each * each);
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
    const double gap = std::abs(a.limit - b.limit);
    bias.low = std::min(a.limit - 2 * a.limit_error, b.limit - 2 * b.limit_error) - gap;
    bias.high = std::max(a.limit + 2 * a.limit_error, b.limit + 2 * b.limit_error) + gap;
    bias.low = std::max(bias.low, bias.value / 10);  // an interval of a positive number
  }
}

Bias measure_bias(const Subject& subject, const DataFacts& facts, std::uint64_t seed) {
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

  const auto d = static_cast<std::size_t>(subject.net.dim);
  using Offset = std::ptrdiff_t;
  LevelScores scores(subject, std::min(subject.rows.rows, kMostRows), seed);
  const double known = gaussian_bias(facts.eigenvalues, 0, 0);
  double high = top;
  for (int k = 1; k < kMostLevels && high / kLevelRatio >= subject.sigma_min; ++k) {
    const double low = high / kLevelRatio;
    scores.move_to(low);
    const std::vector<double> one = scores.difference(subject.net, subject.params, high, low);
    std::vector<double> other = one;
    if (subject.twin) other = scores.difference(subject.twin->net, subject.twin->params, high, low);
    Estimate square;
    for (std::size_t n = 0; n < one.size(); n += d)
      square = square.merged(
          {1, std::inner_product(one.begin() + Offset(n), one.begin() + Offset(n + d), other.begin() + Offset(n), 0.0),
           0});
    const double scale = std::pow(high * high - low * low, -2);
    const double ratio = gaussian_bias(facts.eigenvalues, high, low) / known, error = square.standard_error() * scale;
    bias.pairs.push_back({high, low, square.mean * scale, error, square.mean * scale / ratio, error / ratio});
    high = low;
  }
  settle(bias);
  return bias;
}

}  // namespace scorematch::cli
