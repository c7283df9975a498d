// `scorematch train`: its output files, its messages, and how it stops.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "cli/files/npy.h"
#include "cli/plots/loss_plot.h"
#include "formats/safetensors.h"
#include "scorematch/checkpoint.h"
#include "support/png.h"
#include "support/statistics.h"
#include "support/train_command.h"

namespace scorematch::testing_support {
namespace {

TEST_F(CommandTrain, LeavesAModelWithTorchNamesTheLossesAndAPlot) {
  const Finished finished = run_well(train("deep/folder", {"--steps", "40", "--fourier", "5"}));
  EXPECT_EQ(files("deep/folder"), kAllFiles);
  for (const std::string word : {"engine ", "network ", "steps       40 of 40", "throughput ", "loss ", "held out "})
    EXPECT_TRUE(contains(finished.out, word)) << finished.out;
  for (const std::string& name : kAllFiles) EXPECT_TRUE(contains(finished.out, "deep/folder/" + name)) << finished.out;

  const Checkpoint model = Checkpoint::load(path("deep/folder/model.safetensors"));
  EXPECT_EQ(model.net.dim, 2);
  EXPECT_EQ(model.net.hidden, (std::vector<int>{32, 32}));
  ASSERT_TRUE(model.adam);
  EXPECT_EQ(model.adam->progress.step, 40);
  EXPECT_EQ(model.noise.step, 40);
  EXPECT_EQ(model.metadata.at("objective"), "dsm");
  EXPECT_NE(model.params, model.sampling_params());
  for (std::size_t j = 0; j < 2; ++j) EXPECT_NEAR(model.standardization.mean[j], kMean[j], 0.5);

  const SafetensorsFile file = read_safetensors(path("deep/folder/model.safetensors"));
  const std::map<std::string, std::vector<std::int64_t>> shapes = {
      {"layers.0.weight", {32, 12}}, {"layers.0.bias", {32}},      {"layers.1.weight", {32, 32}},
      {"layers.1.bias", {32}},       {"layers.2.weight", {2, 32}}, {"layers.2.bias", {2}},
      {"ema.layers.2.bias", {2}},    {"fourier.frequencies", {5}}, {"data.mean", {2}}};
  for (const auto& [name, shape] : shapes) {
    ASSERT_EQ(file.tensors.count(name), 1u) << name;
    EXPECT_EQ(file.tensors.at(name).shape, shape) << name;
  }

  const Picture plot = read_png(path("deep/folder/loss.png"));
  const cli::Canvas canvas = cli::loss_plot({{1, 1, 0}}, {}, "");
  EXPECT_EQ(plot.width, canvas.width());
  EXPECT_EQ(plot.height, canvas.height());
}

TEST_F(CommandTrain, LossesHaveARowForEachIntervalAndEachHeldOutLoss) {
  run_well(train("run", {"--steps", "1000", "--hidden", "8", "--batch", "16", "--learning-rate", "0.01"}));
  const LossTable table = read_losses(path("run/loss.csv"));
  EXPECT_EQ(table.header, "step,loss,standard_error,held_out_loss,held_out_standard_error,learning_rate,seconds");
  std::vector<std::string> steps, expected;
  for (int step = 1; step <= 1000; ++step)  // at most 400 intervals, 20 held-out losses, and the last step
    if (step % 3 == 0 || step % 50 == 0) expected.push_back(std::to_string(step));
  double most_rate = 0, before = 0;
  for (const std::vector<std::string>& row : table.rows) {
    ASSERT_EQ(row.size(), 7u);
    steps.push_back(row[0]);
    EXPECT_TRUE(std::isfinite(number(row[1])));
    EXPECT_GT(number(row[2]), 0);
    const bool held_out = std::atoi(row[0].c_str()) % 50 == 0;
    EXPECT_EQ(!row[3].empty(), held_out);
    EXPECT_EQ(!row[4].empty(), held_out);
    most_rate = std::max(most_rate, number(row[5]));
    EXPECT_GE(number(row[6]), before);
    before = number(row[6]);
  }
  ASSERT_EQ(steps, expected);
  EXPECT_LE(most_rate, 0.01);
  EXPECT_GT(most_rate, 0.0099);
  EXPECT_LT(number(table.rows.back()[5]), 1e-6);  // the end of the cosine
}

TEST_F(CommandTrain, NothingHeldOutLeavesItsColumnsEmpty) {
  const Finished finished =
      run_well(train("run", {"--steps", "30", "--validation", "0", "--rate-schedule", "constant"}));
  EXPECT_FALSE(contains(finished.out, "held out"));
  const LossTable table = read_losses(path("run/loss.csv"));
  EXPECT_EQ(table.rows.size(), 30u);
  for (const std::vector<std::string>& row : table.rows) {
    ASSERT_EQ(row.size(), 7u);
    EXPECT_EQ(row[3] + row[4], "");
  }
}

TEST_F(CommandTrain, SamplesComeOutInTheUnitsOfTheData) {
  for (const std::string units : {"whiten", "scale"}) {
    SCOPED_TRACE(units);
    run_well(train(units, {"--steps", "400", "--standardize", units}));
    run_well({"sample", units + "/model.safetensors", "-n", "4000", "-o", "samples.npy"});
    const cli::Matrix samples = cli::rounded(cli::read_npy(path("samples.npy")));
    ASSERT_EQ(samples.rows, 4000);
    ASSERT_EQ(samples.cols, 2);
    for (std::size_t j = 0; j < 2; ++j) {
      const Moments m = moments(column(samples, j));
      EXPECT_NEAR(m.mean, kMean[j], 0.15 * kDeviation[j]) << j;
      EXPECT_NEAR(std::sqrt(m.variance), kDeviation[j], 0.15 * kDeviation[j]) << j;
    }
    EXPECT_NEAR(correlation(column(samples, 0), column(samples, 1)), kCorrelation, 0.1);
  }
  // On a whitened Gaussian there is nothing to learn.
  const LossTable table = read_losses(path("scale/loss.csv"));
  EXPECT_LT(number(table.rows.back()[3]), number(table.rows[0][1]));
}

TEST_F(CommandTrain, TheSameSeedGivesTheSameBytesWithAnyNumberOfThreads) {
  const Arguments options = {"--steps", "30", "--batch", "300", "--seed", "7"};
  std::string model, samples;
  for (const std::string threads : {"1", "1", "2", "3"}) {
    Arguments more = options;
    more.insert(more.end(), {"--overwrite", "--threads", threads});
    run_well(train("run", more));
    run_well({"sample", "run/model.safetensors", "-n", "300", "-o", "samples.npy", "--steps", "5", "--seed", "3",
              "--threads", threads});
    if (model.empty()) model = read_file(path("run/model.safetensors")), samples = read_file(path("samples.npy"));
    EXPECT_TRUE(read_file(path("run/model.safetensors")) == model) << threads;
    EXPECT_TRUE(read_file(path("samples.npy")) == samples) << threads;
  }
  run_well(train("run", {"--overwrite", "--steps", "30", "--batch", "300", "--seed", "8"}));
  EXPECT_FALSE(read_file(path("run/model.safetensors")) == model);
}

TEST_F(CommandTrain, ASecondRunReplacesTheFirstWhole) {
  run_well(train("again", {"--steps", "60", "--hidden", "40,40,40"}));
  for (const std::string name : {"again", "fresh"}) run_well(train(name, {"--steps", "10", "--overwrite"}));
  EXPECT_EQ(files("again"), kAllFiles);
  EXPECT_EQ(read_file(path("again/model.safetensors")), read_file(path("fresh/model.safetensors")));
  EXPECT_EQ(read_losses(path("again/loss.csv")).rows.size(), 10u);
}

TEST_F(CommandTrain, EveryObjectiveScheduleAndNetworkTrains) {
  const std::vector<Arguments> cases = {
      {"--objective", "dsm", "--variance", "control_variate", "--schedule", "single", "--sigma", "0.3"},
      {"--objective", "dsm", "--variance", "antithetic", "--schedule", "geometric", "--levels", "4"},
      {"--objective", "ism", "--schedule", "none", "--weighting", "none", "--parameterization", "plain",
       "--conditioning", "none", "--activation", "softplus"},
      {"--objective", "ssm", "--projections", "2", "--distribution", "sphere", "--activation", "tanh"},
      {"--objective", "ssm_vr", "--distribution", "gaussian", "--conditioning", "log_sigma", "--activation", "gelu"},
      {"--parameterization", "ncsn", "--weighting", "sigma2", "--residual", "--standardize", "column"},
      {"--parameterization", "noise_prediction", "--rate-schedule", "linear", "--ema", "0", "--standardize", "none"},
      {"--net", "energy", "--objective", "dsm", "--activation", "softplus"},
      {"--net", "energy", "--objective", "ism", "--residual"},
      {"--net", "energy", "--objective", "ssm", "--projections", "2", "--parameterization", "ncsn"},
      {"--net", "energy", "--objective", "ssm_vr", "--engine", "reference"},
      {"--sigma-data", "1", "--clip", "0", "--weight-decay", "0.01", "--warmup", "0", "--engine", "reference"}};
  for (Arguments each : cases) {
    SCOPED_TRACE(each[1] + " " + each[3]);
    each.insert(each.end(), {"--steps", "3", "--hidden", "8,8", "--batch", "16"});
    Arguments arguments = {"train", "data.npy", "-o", "run", "--overwrite"};
    arguments.insert(arguments.end(), each.begin(), each.end());
    run_well(arguments);
    EXPECT_EQ(read_losses(path("run/loss.csv")).rows.size(), 3u);
    const bool is_energy = each[0] == "--net";
    EXPECT_EQ(Checkpoint::load(path("run/model.safetensors")).net.kind,
              is_energy ? MlpShape::Kind::energy : MlpShape::Kind::score);
    if (is_energy) run_well({"sample", "run/model.safetensors", "-o", "new.npy", "-n", "4", "--steps", "3"});
  }
}

TEST_F(CommandTrain, HiddenWidthsDoNotSwallowTheData) {
  run_well({"train", "--hidden", "8,4", "data.npy", "-o", "run", "--steps", "2"});
  EXPECT_EQ(Checkpoint::load(path("run/model.safetensors")).net.hidden, (std::vector<int>{8, 4}));
}

TEST_F(CommandTrain, NumbersAreDecimal) {
  run_well(train("run", {"--steps", "010"}));
  EXPECT_EQ(read_losses(path("run/loss.csv")).rows.size(), 10u);
}

TEST_F(CommandTrain, ALossThatIsNeverFiniteEndsTheRunAndLeavesNothing) {
  const auto before = listing();
  const Finished finished = run(train("new/folder", {"--steps", "300", "--learning-rate", "1e30"}));
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_TRUE(contains(finished.err, "scorematch: loss: expected finite values")) << finished.err;
  EXPECT_EQ(listing(), before);
}

TEST_F(CommandTrain, StepsWithoutAFiniteLossAreShownAsSuch) {
  const Finished finished =
      run_well(train("run", {"--steps", "20", "--learning-rate", "1e30", "--initialization", "torch"}));
  EXPECT_TRUE(contains(finished.out, "skipped     19 steps")) << finished.out;
  EXPECT_TRUE(contains(finished.err, "loss nan")) << finished.err;
  const LossTable table = read_losses(path("run/loss.csv"));
  EXPECT_TRUE(std::isfinite(number(table.rows[0][1])));
  for (std::size_t i = 1; i < table.rows.size(); ++i) EXPECT_EQ(table.rows[i][1], "nan");
}

TEST_F(CommandTrain, ProgressIsPlainLinesWhereThereIsNoTerminal) {
  const Finished finished = run_well(train("run", {"--steps", "100"}));
  const std::vector<std::string> lines = lines_of(finished.err);
  EXPECT_EQ(lines.size(), 21u);  // the first step and each twentieth of the run
  for (const std::string& line : lines) EXPECT_EQ(line.rfind("step ", 0), 0u) << line;
  EXPECT_TRUE(contains(lines.back(), "step 100/100 (100%)  loss ")) << lines.back();
  EXPECT_EQ(finished.err.find_first_of("\r\x1b"), std::string::npos);
}

TEST_F(CommandTrain, ProgressIsABarOnATerminal) {
  const Finished finished = start(train("run", {"--steps", "300"}), true).wait();
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_TRUE(contains(finished.err, "\r[>")) << finished.err;
  EXPECT_TRUE(contains(finished.err, "\x1b[K")) << finished.err;
  EXPECT_TRUE(contains(finished.err, "=] 100%  300/300  loss ")) << finished.err;
  EXPECT_EQ(lines_of(finished.err).size(), 1u) << finished.err;
  EXPECT_EQ(finished.out.find_first_of("\r\x1b"), std::string::npos);
}

TEST_F(CommandTrain, CtrlCSavesFirst) {
  Process process = start(train("run", {"--steps", "1000000000", "--ema", "0.9999999"}));
  ASSERT_TRUE(process.wait_for_stderr());
  process.send(SIGINT);
  const Finished finished = process.wait();
  EXPECT_EQ(finished.signal, 0);
  EXPECT_EQ(finished.exit_code, 130) << finished.err;
  EXPECT_TRUE(contains(finished.out, "of 1000000000, 128 samples each (stopped by Ctrl-C)")) << finished.out;
  EXPECT_EQ(files("run"), kFiles);

  const Checkpoint model = Checkpoint::load(path("run/model.safetensors"));
  ASSERT_TRUE(model.adam);
  const std::string step = std::to_string(model.adam->progress.step);
  EXPECT_TRUE(contains(finished.out, "steps       " + step + " of")) << finished.out;
  EXPECT_TRUE(contains(lines_of(finished.err).back(), " " + step + "/1000000000")) << finished.err;
  // This early, the average would consist mostly of the initial parameters.
  ASSERT_LT(model.adam->progress.step, 50000000);
  EXPECT_EQ(model.sampling_params(), model.params);
  const LossTable table = read_losses(path("run/loss.csv"));
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(table.rows[0][0], step);
  EXPECT_TRUE(std::isfinite(number(table.rows[0][3])));
  EXPECT_GT(read_png(path("run/loss.png")).width, 0);
  run_well({"sample", "run/model.safetensors", "-n", "10", "-o", "samples.npy"});
  EXPECT_EQ(cli::read_npy(path("samples.npy")).rows, 10);
}

TEST_F(CommandTrain, CtrlCStaysIgnoredInAScriptsBackground) {
  Process process = start(train("run", {"--steps", "200"}), false, Process::Interrupts::ignored);
  ASSERT_TRUE(process.wait_for_stderr());
  process.send(SIGINT);
  const Finished finished = process.wait();
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_TRUE(contains(finished.out, "steps       200 of 200")) << finished.out;
}

TEST_F(CommandTrain, AReaderOfTheProgressWhoLeavesDoesNotEndIt) {
  const std::string command = "cd '" + folder().string() + "' && (" + SCOREMATCH_COMMAND +
                              " train data.npy -o run --hidden 8 --steps 200; echo $? > code) 2>&1 | head -n 1 > head";
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(read_file(path("code")), "0\n");
  EXPECT_EQ(read_file(path("head")).rfind("step ", 0), 0u);
  EXPECT_EQ(files("run"), kAllFiles);
}

}  // namespace
}  // namespace scorematch::testing_support
