// The quickstart's task with classes: train on two thirds of the handwritten digits and their labels, and draw a
// hundred of each. A classifier, the majority of the three nearest training digits, finds 98 % of the held-out digits
// to be what they are, and all samples with the quickstart's guidance.
//
// Without guidance, the samples of a class are compared with real ones: the mean deviation of a pixel, and the mean
// distance to the nearest held-out digit of the class, whose unit comes from 20 splits of real digits. A class that
// collapses to a few pictures has too small a deviation.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <random>

#include "cli/files/npy.h"
#include "support/arrays.h"
#include "support/command.h"
#include "support/transport.h"

namespace scorematch::testing_support {
namespace {

using cli::Matrix;

constexpr std::int64_t kTraining = 1198, kClasses = 10, kSamplesOfEach = 100;
constexpr double kLeastAccuracy = 0.97, kLeastOfClass = 0.95;
constexpr double kLeastDeviation = 0.8, kMostDeviation = 1.2, kMostToHeldOut = 1.15;

struct LabeledDigits {
  Matrix digits{0, 64, {}};
  std::vector<int> labels;

  void add(const Matrix& from, std::int64_t row, int label) {
    const auto begin = from.values.begin() + row * from.cols;
    digits.values.insert(digits.values.end(), begin, begin + from.cols);
    digits.rows += 1;
    labels.push_back(label);
  }
  Matrix of(int label) const {
    LabeledDigits part;
    for (std::int64_t i = 0; i < digits.rows; ++i)
      if (labels[static_cast<std::size_t>(i)] == label) part.add(digits, i, label);
    return part.digits;
  }
};

/// The majority of the three nearest digits; the nearest if they differ.
int classify(const LabeledDigits& known, const float* digit) {
  std::vector<std::pair<double, int>> near;
  for (std::int64_t i = 0; i < known.digits.rows; ++i) {
    const float* other = known.digits.values.data() + i * known.digits.cols;
    double square = 0;
    for (std::int64_t j = 0; j < known.digits.cols; ++j)
      square += static_cast<double>(digit[j] - other[j]) * static_cast<double>(digit[j] - other[j]);
    near.emplace_back(square, known.labels[static_cast<std::size_t>(i)]);
  }
  std::partial_sort(near.begin(), near.begin() + 3, near.end());
  return near[1].second == near[2].second ? near[1].second : near[0].second;
}

struct RealDistance {
  double mean, deviation;  // over splits
};

/// The mean distance from digits to the nearest of others, over splits of a class in two parts of these sizes.
RealDistance real_distance(const Matrix& all, std::int64_t rows) {
  constexpr int kSplits = 20;
  std::vector<std::int64_t> order(static_cast<std::size_t>(all.rows));
  std::iota(order.begin(), order.end(), 0);
  std::mt19937 generator(2);
  double mean = 0, square = 0;
  for (int split = 0; split < kSplits; ++split) {
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[generator() % i]);
    LabeledDigits from, to;
    for (std::size_t i = 0; i < order.size(); ++i)
      (static_cast<std::int64_t>(i) < rows ? from : to).add(all, order[i], 0);
    const double distance = mean_nearest_distance(from.digits, to.digits);
    mean += distance / kSplits;
    square += distance * distance / kSplits;
  }
  return {mean, std::sqrt(std::max(0.0, square - mean * mean))};
}

double mean_deviation(const Matrix& rows) {
  double sum = 0;
  for (std::int64_t j = 0; j < rows.cols; ++j) {
    double mean = 0, square = 0;
    for (std::int64_t i = 0; i < rows.rows; ++i) {
      const double value = static_cast<double>(rows.values[static_cast<std::size_t>(i * rows.cols + j)]);
      mean += value / static_cast<double>(rows.rows);
      square += value * value / static_cast<double>(rows.rows);
    }
    sum += std::sqrt(std::max(0.0, square - mean * mean));
  }
  return sum / static_cast<double>(rows.cols);
}

class DigitClasses : public CommandTest {
 protected:
  DigitClasses() {
    const std::string data = SCOREMATCH_EXAMPLE_DATA;
    const Matrix digits = cli::rounded(cli::read_npy(data + "/digits-8x8.npy")),
                 labels = cli::rounded(cli::read_npy(data + "/digits-8x8-labels.npy"));
    std::vector<std::int64_t> order(static_cast<std::size_t>(digits.rows));
    std::iota(order.begin(), order.end(), 0);
    std::mt19937 generator(1);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[generator() % i]);
    for (std::int64_t i = 0; i < digits.rows; ++i) {
      const std::int64_t row = order[static_cast<std::size_t>(i)];
      (i < kTraining ? training_ : held_out_)
          .add(digits, row, static_cast<int>(labels.values[static_cast<std::size_t>(row)]));
    }
  }
  void SetUp() override {
    const std::vector<std::string> engines = engine_names();
    if (std::find(engines.begin(), engines.end(), "cpu") == engines.end())
      GTEST_SKIP() << "the reference engine alone would take hours";
  }
  /// A hundred samples of each class, in turn.
  LabeledDigits draw(const std::string& guidance) const {
    run_well({"sample", "run/model.safetensors", "-n", std::to_string(kClasses * kSamplesOfEach), "-o", "samples.npy",
              "--label", "0,1,2,3,4,5,6,7,8,9", "--guidance", guidance, "--seed", "5"});
    LabeledDigits samples;
    samples.digits = cli::rounded(cli::read_npy(path("samples.npy")));
    for (std::int64_t i = 0; i < samples.digits.rows; ++i)
      samples.labels.push_back(static_cast<int>(i / kSamplesOfEach));
    return samples;
  }

  LabeledDigits training_, held_out_;
};

TEST_F(DigitClasses, AreTheOnesAskedFor) {
  const auto found = [&](const LabeledDigits& digits, int label) {
    const Matrix part = digits.of(label);
    std::int64_t right = 0;
    for (std::int64_t i = 0; i < part.rows; ++i)
      right += classify(training_, part.values.data() + i * part.cols) == label;
    return static_cast<double>(right);
  };
  double right = 0;
  for (int k = 0; k < kClasses; ++k) right += found(held_out_, k);
  EXPECT_GE(right / static_cast<double>(held_out_.digits.rows), kLeastAccuracy);

  cli::write_npy(path("training.npy"), training_.digits);
  Matrix labels{kTraining, 1, {}};
  for (const int each : training_.labels) labels.values.push_back(static_cast<float>(each));
  cli::write_npy(path("labels.npy"), labels);
  const Arguments train = {"train", "training.npy", "-o", "run",       "--labels", "labels.npy", "--validation",
                           "0",     "--seed",       "1",  "--samples", "0"};
  ASSERT_EQ(start(train).wait(500).exit_code, 0);

  const LabeledDigits guided = draw("2"), plain = draw("1");  // 2: the quickstart's
  double mean_distance = 0;
  for (int k = 0; k < kClasses; ++k) {
    const Matrix real = training_.of(k), others = held_out_.of(k), drawn = plain.of(k);
    Matrix all = real;
    all.values.insert(all.values.end(), others.values.begin(), others.values.end());
    all.rows += others.rows;
    const RealDistance unit = real_distance(all, real.rows);
    const double of_class = found(guided, k) / kSamplesOfEach, deviation = mean_deviation(drawn) / mean_deviation(real),
                 distance = mean_nearest_distance(drawn, others) / unit.mean, spread = unit.deviation / unit.mean;
    mean_distance += distance / kClasses;
    std::printf("%d: found %.2f, deviation %.2f, to held-out %.2f (real digits: 1 +- %.2f)\n", k, of_class, deviation,
                distance, spread);
    EXPECT_GE(of_class, kLeastOfClass) << k;
    EXPECT_GT(deviation, kLeastDeviation) << k;
    EXPECT_LT(deviation, kMostDeviation) << k;
    EXPECT_LT(distance, kMostToHeldOut + 2 * spread) << k;  // a tenth of the digits: the statistic varies more
  }
  EXPECT_LT(mean_distance, kMostToHeldOut);
}

}  // namespace
}  // namespace scorematch::testing_support
