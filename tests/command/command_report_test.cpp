// `scorematch train`: its report at the end of a run, and its choice of parameters.
#include <gtest/gtest.h>

#include <cmath>

#include "scorematch/checkpoint.h"
#include "support/png.h"
#include "support/train_command.h"

namespace scorematch::testing_support {
namespace {

using CommandReport = CommandTrain;

/// The lines that begin with this word, without the word.
std::vector<std::string> remarks(const Finished& finished, const std::string& word) {
  std::vector<std::string> found;
  for (const std::string& line : lines_of(finished.out))
    if (line.rfind(word + " ", 0) == 0) found.push_back(line.substr(line.find_first_not_of(' ', word.size())));
  return found;
}

/// A circle of radius 3, off the center.
cli::Matrix circle(std::int64_t rows) {
  cli::Matrix data{rows, 2, {}};
  for (std::int64_t i = 0; i < rows; ++i) {
    const double t = 2.399963 * static_cast<double>(i);  // the golden angle
    data.values.push_back(static_cast<float>(10 + 3 * std::cos(t)));
    data.values.push_back(static_cast<float>(5 + 3 * std::sin(t)));
  }
  return data;
}

TEST_F(CommandReport, AModelThatHasLearnedNothingIsReportedAsSuch) {
  cli::write_npy(path("circle.npy"), circle(2000));
  const Finished finished = run_well({"train", "circle.npy", "-o", "run", "--steps", "2"});
  ASSERT_EQ(remarks(finished, "warning").size(), 1u) << finished.out;
  EXPECT_TRUE(contains(remarks(finished, "warning")[0], "has not learned the data's shape")) << finished.out;
  ASSERT_EQ(remarks(finished, "try").size(), 1u) << finished.out;
  EXPECT_TRUE(contains(remarks(finished, "try")[0], "--steps 6000")) << finished.out;
}

TEST_F(CommandReport, AModelThatHasLearnedIsNotWarnedOf) {
  cli::write_npy(path("circle.npy"), circle(2000));
  const Finished finished = run_well({"train", "circle.npy", "-o", "run", "--steps", "2500", "--hidden", "64,64"});
  EXPECT_TRUE(contains(finished.out, "the network is better than the Gaussian's by 0.")) << finished.out;
  EXPECT_TRUE(remarks(finished, "warning").empty() && remarks(finished, "try").empty()) << finished.out;
}

TEST_F(CommandReport, GaussianDataAreNotWarnedOf) {
  const Finished finished = run_well(train("run", {"--steps", "600"}));
  EXPECT_TRUE(remarks(finished, "warning").empty()) << finished.out;
  EXPECT_TRUE(contains(finished.out, "of a Gaussian's score, ")) << finished.out;
}

TEST_F(CommandReport, TheBaselineIsBelowTheNetworkWithoutOutput) {
  const Finished finished = run_well(train("run", {"--steps", "2", "--standardize", "scale"}));
  ASSERT_EQ(remarks(finished, "baseline").size(), 1u) << finished.out;
  const std::string line = remarks(finished, "baseline")[0];
  const double gaussian = std::strtod(line.c_str(), nullptr);
  const double zero = std::strtod(line.substr(line.find("score, ") + 7).c_str(), nullptr);
  EXPECT_GT(gaussian, 0.3);
  EXPECT_LT(gaussian, zero - 0.02);
  EXPECT_NEAR(zero, 1, 0.25);  // the data have the assumed deviation
  EXPECT_TRUE(contains(lines_of(finished.err).back(), "  held out ")) << finished.err;
  EXPECT_TRUE(contains(lines_of(finished.err).back(), " (Gaussian 0.")) << finished.err;
}

TEST_F(CommandReport, SamplesAreComparedColumnByColumn) {
  const Finished finished = run_well(train("run", {"--steps", "400", "--samples", "500"}));
  EXPECT_TRUE(contains(finished.out, "samples     500 compared with 1000 rows of the data")) << finished.out;
  const std::vector<std::string> lines = lines_of(read_file(path("run/comparison.csv")));
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0].rfind("column,data_mean,samples_mean,data_deviation,samples_deviation,data_q05,", 0), 0u);
  for (std::size_t j = 0; j < 2; ++j) {
    std::istringstream cells(lines[j + 1]);
    std::vector<double> values;
    for (std::string cell; std::getline(cells, cell, ',') && values.size() < 5;)
      values.push_back(std::strtod(cell.c_str(), nullptr));
    EXPECT_EQ(values[0], static_cast<double>(j));
    EXPECT_NEAR(values[1], kMean[j], 0.15 * kDeviation[j]);
    EXPECT_NEAR(values[2], kMean[j], 0.3 * kDeviation[j]);
    EXPECT_NEAR(values[3], kDeviation[j], 0.1 * kDeviation[j]);
    EXPECT_NEAR(values[4], kDeviation[j], 0.2 * kDeviation[j]);
  }
  EXPECT_GT(read_png(path("run/comparison.png")).width, 600);
}

TEST_F(CommandReport, OneColumnIsDrawnAsHistogramsAndManyAreNot) {
  for (const std::int64_t cols : {1, 3}) {
    cli::Matrix data{600, cols, {}};
    for (const double z : normal_values(600 * cols, 3)) data.values.push_back(static_cast<float>(z));
    cli::write_npy(path("narrow.npy"), data);
    run_well({"train", "narrow.npy", "-o", "run", "--overwrite", "--steps", "5", "--hidden", "8", "--samples", "100"});
    EXPECT_EQ(files("run").count("comparison.png"), cols == 1 ? 1u : 0u);
    EXPECT_EQ(lines_of(read_file(path("run/comparison.csv"))).size(), cols == 1 ? 2u : 5u);
  }
}

TEST_F(CommandReport, SamplesThatAreNotComparedAreExplained) {
  const std::vector<std::pair<Arguments, std::string>> cases = {
      {{"--samples", "0"}, "--samples 0"},
      {{"--stop-after", "2"}, "the run is not over"},
      {{"--schedule", "single"}, "a single level of noise"},
      {{"--objective", "ism", "--schedule", "none"}, "without noise"}};
  run_well(train("run", {"--steps", "4"}));
  for (const auto& [more, reason] : cases) {
    Arguments arguments = train("run", {"--steps", "4", "--overwrite"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished finished = run_well(arguments);
    ASSERT_EQ(remarks(finished, "samples").size(), 1u) << finished.out;
    EXPECT_EQ(remarks(finished, "samples")[0].rfind("not compared with the data: ", 0), 0u) << finished.out;
    EXPECT_TRUE(contains(remarks(finished, "samples")[0], reason)) << finished.out;
    EXPECT_EQ(files("run"), kFiles) << "the comparison of an earlier model";
  }
}

TEST_F(CommandReport, ALossWithoutBoundIsReportedAsSuch) {
  cli::write_npy(path("circle.npy"), circle(2000));
  for (const std::string data : {"circle", "data"}) {
    const Finished finished = run_well({"train", data + ".npy", "-o", data, "--steps", "1000", "--hidden", "64,64",
                                        "--objective", "ssm_vr", "--schedule", "none", "--weighting", "none",
                                        "--parameterization", "plain", "--conditioning", "none"});
    const std::vector<std::string> warnings = remarks(finished, "warning");
    ASSERT_EQ(warnings.size(), data == "circle" ? 1u : 0u) << finished.out;
    if (data != "circle") continue;
    EXPECT_TRUE(contains(warnings[0], "the loss falls without bound")) << finished.out;
    EXPECT_TRUE(contains(remarks(finished, "try")[0], "--objective dsm")) << finished.out;
  }
}

/// 100 rows, which a network of this size soon memorizes.
class CommandSelect : public CommandTrain {
 protected:
  CommandSelect() {
    cli::Matrix few{100, 8, {}};
    for (const double z : normal_values(800, 3)) few.values.push_back(static_cast<float>(z));
    cli::write_npy(path("few.npy"), few);
  }
  Finished train_few(const std::string& output, const Arguments& more) {
    Arguments arguments = {"train", "few.npy", "-o", output, "--steps", "2000", "--batch", "64", "--hidden", "64,64",
                           "--validation", "0.5", "--rate-schedule", "constant",
                           // With the default, the initial parameters (F = 0) would be the best.
                           "--initialization", "torch"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_well(arguments);
  }
};

TEST_F(CommandSelect, TheBestParametersAreSampledWithWhereTheLastAreClearlyWorse) {
  const Finished best = train_few("best", {}), last = train_few("last", {"--select", "last"});
  const Checkpoint with = Checkpoint::load(path("best/model.safetensors")),
                   without = Checkpoint::load(path("last/model.safetensors"));
  EXPECT_EQ(with.params, without.params);
  EXPECT_TRUE(without.best.empty());
  ASSERT_TRUE(with.samples_best);
  EXPECT_NE(with.best, with.adam->ema);
  EXPECT_EQ(with.sampling_params(), with.best);
  EXPECT_EQ(remarks(best, "selected").size(), 1u) << best.out;
  EXPECT_TRUE(remarks(last, "selected").empty()) << last.out;
  // The selected parameters have the lowest held-out loss.
  double lowest = HUGE_VAL, final = 0;
  std::string step;
  for (const std::vector<std::string>& row : read_losses(path("best/loss.csv")).rows) {
    if (row[3].empty()) continue;
    final = number(row[3]);
    if (final < lowest) lowest = final, step = row[0];
  }
  EXPECT_GT(final, lowest);
  EXPECT_TRUE(contains(remarks(best, "selected")[0], "the parameters of step " + step + ";")) << best.out;
  EXPECT_NEAR(std::strtod(remarks(best, "held")[0].c_str() + 4, nullptr), lowest, 0.05 * lowest) << best.out;
  EXPECT_NEAR(std::strtod(remarks(last, "held")[0].c_str() + 4, nullptr), final, 0.05 * final) << last.out;
}

TEST_F(CommandSelect, TheLastParametersAreKeptWhereTheyAreNotWorse) {
  cli::write_npy(path("circle.npy"), circle(2000));
  run_well({"train", "circle.npy", "-o", "run", "--steps", "600", "--hidden", "64,64"});
  const Checkpoint model = Checkpoint::load(path("run/model.safetensors"));
  EXPECT_FALSE(model.samples_best);
  EXPECT_EQ(model.best.size(), model.params.size());
}

TEST_F(CommandSelect, PatienceEndsARunThatNoLongerImproves) {
  const Finished finished = train_few("run", {"--patience", "3"});
  EXPECT_TRUE(contains(finished.out, "(stopped by --patience 3)")) << finished.out;
  std::vector<double> losses;
  std::vector<std::string> steps;
  for (const std::vector<std::string>& row : read_losses(path("run/loss.csv")).rows)
    if (!row[3].empty()) losses.push_back(number(row[3])), steps.push_back(row[0]);
  ASSERT_GE(losses.size(), 4u);
  EXPECT_LT(losses.size(), 20u);
  EXPECT_EQ(std::min_element(losses.begin(), losses.end()) - losses.begin(),
            static_cast<std::ptrdiff_t>(losses.size()) - 4);
  EXPECT_TRUE(contains(finished.out, "steps       " + steps.back() + " of 2000")) << finished.out;
  EXPECT_EQ(files("run").count("comparison.csv"), 1u);  // such a run is complete
}

}  // namespace
}  // namespace scorematch::testing_support
