// The task of the quickstart: train on two thirds of the handwritten digits and draw digits that resemble the others.
//
// Three statistics of S = 1000 samples and the H = 599 held-out digits, each divided by its value for real digits:
//
// - the sliced Wasserstein distance (W2 by quantiles, 500 directions), which compares the distributions of weighted
//   means of pixels. Its unit is the mean over 20 splits of the real digits into 1000 and 599.
// - the mean distance from a sample to the nearest held-out digit, which shows whether a sample is a digit. The first
//   statistic hardly detects a Gaussian with the means and covariances of the digits; this one clearly does. Its unit
//   comes from the same splits.
// - the mean distance to the nearest training digit, which is small for copies. Its unit is that of held-out digits.
//
// Measurements: the first row over 40 splits, the second over 5 splits with 2 trainings each, the others on this split:
//
// |                                       | sliced W2    | to held-out  | to training  |
// |---------------------------------------|--------------|--------------|--------------|
// | real digits                           | 0.85 to 1.25 | 0.99 to 1.01 | 1            |
// | the trained model                     | 1.23 to 1.43 | 1.05 to 1.06 | 1.02 to 1.04 |
// | trained for 1500 steps only           | 1.24         | 1.20         | 1.23         |
// | trained for 300 steps only            | 1.51         | 1.48         | 1.56         |
// | Gaussian with the digits' covariances | 1.43 to 1.52 | 1.59         | 1.69         |
// | each pixel drawn on its own           | 2.18         | 1.90         | 2.03         |
// | the untrained model                   | 2.45         | 2.03         | 2.19         |
// | the training digits themselves        | 0.90         | 0.99         | 0            |
//
// So 1.5 excludes samples without structure, 1.15 those with only the first two moments, and 0.8 copies.
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

constexpr std::int64_t kTraining = 1198, kHeldOut = 599, kSamples = 1000;
constexpr std::int64_t kDirections = 500;
constexpr unsigned kSplit = 1;    // seed of the training split
constexpr unsigned kSplits = 20;  // splits of the real digits for the units
constexpr double kMostWasserstein = 1.5, kMostToHeldOut = 1.15, kLeastToTraining = 0.8;

/// The statistics divided by those of real digits.
struct Likeness {
  double wasserstein, to_held_out, to_training;
};

class Digits : public CommandTest {
 protected:
  Digits()
      : all_(cli::rounded(cli::read_npy(std::string(SCOREMATCH_EXAMPLE_DATA) + "/digits-8x8.npy"))),
        directions_(unit_directions(kDirections, all_.cols, 1)) {
    training_ = part(kSplit, 0, kTraining);
    held_out_ = part(kSplit, kTraining, kHeldOut);
    for (unsigned split = kSplit + 1; split <= kSplit + kSplits; ++split) {
      const Matrix samples = part(split, 0, kSamples), others = part(split, kSamples, kHeldOut);
      real_.wasserstein += sliced_wasserstein(samples, others, directions_) / kSplits;
      real_.to_held_out += mean_nearest_distance(samples, others) / kSplits;
    }
    real_.to_training = mean_nearest_distance(held_out_, training_);
  }

  Likeness compare(const Matrix& samples) const {
    const Likeness likeness = {sliced_wasserstein(samples, held_out_, directions_) / real_.wasserstein,
                               mean_nearest_distance(samples, held_out_) / real_.to_held_out,
                               mean_nearest_distance(samples, training_) / real_.to_training};
    std::printf("sliced W2 %.3f, to held-out %.3f, to training %.3f\n", likeness.wasserstein, likeness.to_held_out,
                likeness.to_training);
    return likeness;
  }

  /// Trains on the training digits with the command, and draws samples.
  Matrix draw(const Arguments& more) const {
    cli::write_npy(path("training.npy"), training_);
    Arguments train = {"train", "training.npy", "-o", "run", "--validation", "0", "--seed", "1"};
    train.insert(train.end(), more.begin(), more.end());
    EXPECT_EQ(start(train).wait(500).exit_code, 0);
    run_well({"sample", "run/model.safetensors", "-n", std::to_string(kSamples), "-o", "samples.npy", "--seed", "5"});
    return cli::rounded(cli::read_npy(path("samples.npy")));
  }

  /// `rows` digits beginning at `first`, after shuffling with `seed`.
  Matrix part(unsigned seed, std::int64_t first, std::int64_t rows) const {
    std::vector<std::int64_t> order(static_cast<std::size_t>(all_.rows));
    std::iota(order.begin(), order.end(), 0);
    std::mt19937 generator(seed);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[generator() % i]);
    Matrix rows_taken{rows, all_.cols, {}};
    for (std::int64_t i = first; i < first + rows; ++i) {
      const auto row = all_.values.begin() + order[static_cast<std::size_t>(i)] * all_.cols;
      rows_taken.values.insert(rows_taken.values.end(), row, row + all_.cols);
    }
    return rows_taken;
  }

  void SetUp() override {
    const std::vector<std::string> engines = engine_names();
    if (std::find(engines.begin(), engines.end(), "cpu") == engines.end())
      GTEST_SKIP() << "the reference engine alone would take hours";
  }

  Matrix all_, training_, held_out_;

 private:
  std::vector<double> directions_;
  Likeness real_{};
};

TEST_F(Digits, AreDrawnLikeThoseHeldOut) {
  const Likeness drawn = compare(draw({}));  // the quickstart's settings
  EXPECT_LT(drawn.wasserstein, kMostWasserstein);
  EXPECT_LT(drawn.to_held_out, kMostToHeldOut);
  EXPECT_GT(drawn.to_training, kLeastToTraining);
}

/// Each pixel comes from a random training digit.
Matrix draw_pixels(const Matrix& training) {
  std::mt19937 generator(2);
  Matrix samples{kSamples, training.cols, {}};
  for (std::int64_t i = 0; i < kSamples * training.cols; ++i) {
    const std::int64_t row = generator() % training.rows, pixel = i % training.cols;
    samples.values.push_back(training.values[static_cast<std::size_t>(row * training.cols + pixel)]);
  }
  return samples;
}

/// mean + sum_n z_n (x_n - mean) / sqrt(N): a Gaussian with the training digits' means and covariances.
Matrix draw_gaussian(const Matrix& training) {
  const auto n = static_cast<std::size_t>(training.rows), d = static_cast<std::size_t>(training.cols);
  std::vector<double> mean(d, 0.0);
  for (std::size_t i = 0; i < n * d; ++i)
    mean[i % d] += static_cast<double>(training.values[i]) / static_cast<double>(n);
  const std::vector<double> z = normal_values(kSamples * training.rows, 3);
  Matrix samples{kSamples, training.cols, {}};
  for (std::size_t s = 0; s < static_cast<std::size_t>(kSamples); ++s) {
    std::vector<double> x = mean;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < d; ++j)
        x[j] += z[s * n + i] * (static_cast<double>(training.values[i * d + j]) - mean[j]) /
                std::sqrt(static_cast<double>(n));
    samples.values.insert(samples.values.end(), x.begin(), x.end());
  }
  return samples;
}

TEST_F(Digits, AreToldFromWhatIsNotLikeThem) {
  const Likeness pixels = compare(draw_pixels(training_)), gaussian = compare(draw_gaussian(training_)),
                 untrained = compare(draw({"--steps", "1"})), copies = compare(part(kSplit, 0, kSamples));
  EXPECT_GT(pixels.wasserstein, kMostWasserstein);
  EXPECT_GT(pixels.to_held_out, kMostToHeldOut);
  EXPECT_GT(gaussian.to_held_out, kMostToHeldOut);
  EXPECT_GT(untrained.wasserstein, kMostWasserstein);
  EXPECT_GT(untrained.to_held_out, kMostToHeldOut);
  EXPECT_LT(copies.wasserstein, kMostWasserstein);
  EXPECT_LT(copies.to_training, kLeastToTraining);
}

}  // namespace
}  // namespace scorematch::testing_support
