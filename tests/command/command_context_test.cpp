// Conditional models: `train --labels` and `--context-columns`, `sample --label`, `--context` and `--guidance`,
// `likelihood --labels`.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

#include "cli/data/contexts.h"
#include "cli/files/npy.h"
#include "scorematch/checkpoint.h"
#include "support/arrays.h"
#include "support/command.h"

namespace scorematch::testing_support {
namespace {

constexpr std::int64_t kRows = 600;
constexpr double kCenters[] = {-3, 0, 3};

class CommandContext : public CommandTest {
 protected:
  /// Three classes of points, whose first column is near -3, 0 or 3; and a table of x, y and t, with y near 2 t.
  CommandContext() {
    const std::vector<double> z = normal_values(2 * kRows, 1);
    cli::Matrix data{kRows, 2, {}}, labels{kRows, 1, {}};
    std::string csv = "x,t,y\n";
    for (std::int64_t i = 0; i < kRows; ++i) {
      const double a = z[static_cast<std::size_t>(2 * i)], b = z[static_cast<std::size_t>(2 * i + 1)];
      data.values.push_back(static_cast<float>(kCenters[i % 3] + 0.2 * a));
      data.values.push_back(static_cast<float>(b));
      labels.values.push_back(static_cast<float>(i % 3));
      const double t = 5 + static_cast<double>(i % 41) / 10;
      csv += std::to_string(a) + "," + std::to_string(t) + "," + std::to_string(2 * t + 0.1 * b) + "\n";
    }
    cli::write_npy(path("data.npy"), data);
    cli::write_npy(path("labels.npy"), labels);
    write_file(path("table.csv"), csv);
  }

  static Arguments train(const std::string& data, const std::string& output, const Arguments& more) {
    Arguments arguments = {"train", data, "-o", output, "--hidden", "32,32", "--batch", "128", "--samples", "0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  static Arguments sample(const std::string& run, const Arguments& more) {
    Arguments arguments = {"sample", run + "/model.safetensors", "-o", "new.npy"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  Checkpoint checkpoint(const std::string& run) const { return Checkpoint::load(path(run + "/model.safetensors")); }
  /// The mean of a column of the samples [first, first + count).
  double mean(std::int64_t column, std::int64_t first, std::int64_t count) const {
    const cli::Matrix all = cli::rounded(cli::read_npy(path("new.npy")));
    double sum = 0;
    for (std::int64_t i = first; i < first + count; ++i)
      sum += static_cast<double>(all.values[static_cast<std::size_t>(i * all.cols + column)]);
    return sum / static_cast<double>(count);
  }
  void expect_refused(const Arguments& arguments, const std::string& message) {
    const Finished refused = run(arguments);
    EXPECT_NE(refused.exit_code, 0);
    EXPECT_NE(refused.err.find(message), std::string::npos) << refused.err;
  }
};

TEST_F(CommandContext, OfClassesGivesSamplesOfEach) {
  const Finished trained = run_well(train("data.npy", "run", {"--labels", "labels.npy", "--steps", "1500"}));
  EXPECT_NE(trained.out.find("3 classes (--labels), dropped for a fraction 0.1 of the samples"), std::string::npos)
      << trained.out;
  const Checkpoint model = checkpoint("run");
  EXPECT_EQ(model.net.context.columns, 3);
  EXPECT_TRUE(model.net.context.optional);
  EXPECT_EQ(model.loss->context_dropout, 0.1);
  EXPECT_EQ(model.metadata.at("context.classes"), "3");
  run_well(sample("run", {"-n", "150", "--label", "0,1,2"}));
  for (int k = 0; k < 3; ++k) EXPECT_NEAR(mean(0, 50 * k, 50), kCenters[k], 0.5) << k;
  run_well(sample("run", {"-n", "50", "--label", "2", "--guidance", "1.5"}));
  EXPECT_NEAR(mean(0, 0, 50), 3, 0.5);
  run_well(sample("run", {"-n", "300"}));
  EXPECT_NEAR(mean(0, 0, 300), 0, 1);

  // ln p(x | class) is that of a Gaussian, and ln p(x) is ln 3 lower: the classes do not overlap.
  const auto mean_likelihood = [&](const Arguments& more) {
    Arguments arguments = {"likelihood", "run/model.safetensors", "data.npy", "-n", "100", "-o", "values.npy"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    run_well(arguments);
    double sum = 0;
    for (const float each : cli::rounded(cli::read_npy(path("values.npy"))).values)
      sum += static_cast<double>(each) / 100;
    return sum;
  };
  const double conditional = mean_likelihood({"--labels", "labels.npy"}), plain = mean_likelihood({});
  const double truth = -std::log(2 * std::acos(-1.0) * std::exp(1.0) * 0.2);
  EXPECT_NEAR(conditional, truth, 0.25);
  EXPECT_GT(conditional - plain, 0.7);  // a tenth of the training is without classes, so ln p(x) is less exact

  expect_refused({"likelihood", "run/model.safetensors", "data.npy", "--guidance", "2"},
                 "--guidance: expected 1, because a guided score is not the score of a density, got 2");
  expect_refused(sample("run", {"--label", "3"}), "--label: expected classes from 0 to 2, got 3");
  expect_refused(sample("run", {"-n", "2", "--label", "0,1,2"}), "--count: expected at least the 3 contexts, got 2");
  expect_refused(sample("run", {"--guidance", "2"}),
                 "--guidance: needs --label, or --context, got no --label, no --context");
  expect_refused(sample("run", {"--context", "table.csv"}),
                 "--context: expected --label, because the model's context is a class");

  // A state_dict keeps all of it.
  run_well({"export", "run/model.safetensors", "-o", "net.safetensors"});
  run_well({"import", "net.safetensors", "-o", "copy.safetensors"});
  run_well(sample("run", {"-n", "20", "--label", "1", "--seed", "4"}));
  const std::string direct = read_file(path("new.npy"));
  run_well({"sample", "copy.safetensors", "-o", "new.npy", "-n", "20", "--label", "1", "--seed", "4"});
  EXPECT_EQ(read_file(path("new.npy")), direct);
}

TEST_F(CommandContext, OfColumnsGivesTheOthers) {
  run_well(train("table.csv", "run", {"--context-columns", "t", "--context-dropout", "0", "--steps", "1500"}));
  const Checkpoint model = checkpoint("run");
  EXPECT_EQ(model.net.dim, 2);
  EXPECT_EQ(model.net.context.columns, 1);
  EXPECT_FALSE(model.net.context.optional);
  write_file(path("given.csv"), "t\n6\n8\n");
  run_well(sample("run", {"-n", "200", "--context", "given.csv"}));
  EXPECT_NEAR(mean(1, 0, 100), 12, 0.3);
  EXPECT_NEAR(mean(1, 100, 100), 16, 0.3);
  run_well({"likelihood", "run/model.safetensors", "table.csv", "-n", "50"});
  expect_refused(sample("run", {}),
                 "--context: expected a context, because the model was trained with "
                 "--context-dropout 0, got nothing");
  expect_refused(sample("run", {"--context", "given.csv", "--guidance", "2"}),
                 "--guidance: expected 1, because the model was trained with --context-dropout 0, got 2");
  expect_refused(sample("run", {"--label", "1"}), "--label: expected --context, because the model's context is t");
}

TEST_F(CommandContext, ResumesToTheSameRun) {
  for (const char* dequantize : {"0", "0.25"}) {
    const std::string option = std::string("--dequantize=") + dequantize;
    cli::Matrix data{kRows, 1, {}};
    for (const double z : normal_values(kRows, 3)) data.values.push_back(static_cast<float>(std::round(4 * z) / 4));
    cli::write_npy(path("grid.npy"), data);
    const Arguments all = {"--labels", "labels.npy", "--steps", "300", option, "--overwrite"};
    run_well(train("grid.npy", "whole", all));
    Arguments part = all;
    part.insert(part.end(), {"--stop-after", "120"});
    run_well(train("grid.npy", "part", part));
    run_well({"train", "grid.npy", "-o", "part", "--resume", "part", "--labels", "labels.npy", "--samples", "0"});
    EXPECT_TRUE(read_file(path("part/model.safetensors")) == read_file(path("whole/model.safetensors"))) << option;
  }
  run_well(train("grid.npy", "stopped", {"--labels", "labels.npy", "--steps", "100", "--stop-after", "10"}));
  expect_refused({"train", "grid.npy", "-o", "stopped", "--resume", "stopped"}, "expected");
}

TEST_F(CommandContext, IsRefusedByName) {
  cli::write_npy(path("short.npy"), cli::Matrix{5, 1, {0, 1, 2, 0, 1}});
  cli::write_npy(path("halves.npy"), cli::Matrix{kRows, 1, std::vector<float>(kRows, 0.5f)});
  expect_refused(train("data.npy", "run", {"--labels", "short.npy"}),
                 "--labels: expected a class for each of the 600 rows of the data, got 5 in short.npy");
  expect_refused(train("data.npy", "run", {"--labels", "halves.npy"}),
                 "--labels: expected whole numbers from 0 to 65535, got 0.5 in row 0");
  expect_refused(train("data.npy", "run", {"--labels", "data.npy"}),
                 "--labels: expected one class per row, got 2 columns");
  expect_refused(train("table.csv", "run", {"--context-columns", "z"}),
                 "--context-columns: expected columns of the data: x,t,y, got 'z'");
  expect_refused(train("table.csv", "run", {"--context-columns", "t,t"}), "expected different columns, got 't' twice");
  expect_refused(train("table.csv", "run", {"--context-columns", "x,t,y"}), "expected fewer than the 3 columns");
  expect_refused(train("data.npy", "run", {"--context-dropout", "0.2"}), "--context-dropout");
  run_well(train("data.npy", "run", {"--steps", "20"}));
  EXPECT_EQ(checkpoint("run").metadata.count("train.context-dropout"), 0u);
  expect_refused(sample("run", {"--label", "1"}),
                 "--label: expected nothing, because the model has no context, got one");
}

}  // namespace
}  // namespace scorematch::testing_support
