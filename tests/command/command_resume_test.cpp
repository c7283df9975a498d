// `scorematch train --resume`: a stopped run, whatever stopped it, ends bit-identical to an uninterrupted one.
#include <gtest/gtest.h>

#include <cmath>

#include "cli/files/npy.h"
#include "scorematch/checkpoint.h"
#include "support/arrays.h"
#include "support/command.h"

namespace scorematch::testing_support {
namespace {

class CommandResume : public CommandTest {
 protected:
  CommandResume() {
    cli::Matrix data{500, 2, {}};
    for (const double z : normal_values(1000, 1)) data.values.push_back(static_cast<float>(std::round(4 * z)));
    cli::write_npy(path("data.npy"), data);
  }

  static Arguments train(const std::string& output, const Arguments& more) {
    Arguments arguments = {"train", "data.npy", "-o", output};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  static Arguments with(Arguments arguments, const Arguments& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  std::string model(const std::string& run) const { return read_file(path(run + "/model.safetensors")); }
  Checkpoint checkpoint(const std::string& run) const { return Checkpoint::load(path(run + "/model.safetensors")); }

  /// loss.csv without its last column, which is elapsed time.
  std::vector<std::string> losses(const std::string& run) const {
    std::vector<std::string> lines;
    for (const std::string& line : lines_of(read_file(path(run + "/loss.csv"))))
      lines.push_back(line.substr(0, line.rfind(',')));
    return lines;
  }
  void expect_same(const std::string& run, const std::string& whole) const {
    EXPECT_TRUE(model(run) == model(whole)) << run;
    EXPECT_EQ(losses(run), losses(whole)) << run;
  }
};

const Arguments kSmall = {"--hidden", "8,8", "--batch", "32"};

// loss.csv has a row every 3 and every 50 steps, so stops fall within a row. Early stops have an unsettled average.
TEST_F(CommandResume, AfterStopsAnywhereItIsTheUninterruptedRun) {
  const Arguments options = with(kSmall, {"--steps", "1000", "--ema", "0.99", "--fourier", "2"});
  run_well(train("whole", options));
  for (const Arguments& stops :
       {Arguments{"1"}, Arguments{"7", "43"}, Arguments{"100", "249", "1"}, Arguments{"300"}, Arguments{"998"}}) {
    SCOPED_TRACE(testing::PrintToString(stops));
    run_well(train("part", with(options, {"--stop-after", stops[0], "--overwrite"})));
    EXPECT_NE(checkpoint("part").adam->ema, checkpoint("part").params);
    for (std::size_t i = 1; i < stops.size(); ++i)
      run_well(train("part", {"--resume", "part", "--stop-after", stops[i]}));
    const Finished last = run_well(train("part", {"--resume", "part/model.safetensors"}));
    EXPECT_NE(last.out.find("resumed     after "), std::string::npos) << last.out;
    expect_same("part", "whole");
  }
}

TEST_F(CommandResume, HoldsForEveryKindOfRun) {
  const std::vector<Arguments> cases = {
      {"--dequantize", "--validation", "0.3"},
      {"--dequantize=0.5", "--standardize", "none", "--net", "energy", "--residual"},
      {"--objective", "ssm", "--distribution", "sphere", "--schedule", "geometric", "--rate-schedule", "linear",
       "--ema", "0"},
      {"--select", "last", "--validation", "0.5"},
      {"--select", "best", "--net", "energy"},
      {"--validation", "0", "--weight-decay", "0.01", "--engine", "reference", "--standardize", "column"},
      {"--objective", "ism", "--schedule", "none", "--seed", "18446744073709551615"}};
  for (const Arguments& each : cases) {
    SCOPED_TRACE(testing::PrintToString(each));
    const Arguments options = with(with(kSmall, {"--steps", "40"}), each);
    run_well(train("whole", with(options, {"--overwrite"})));
    run_well(train("part", with(options, {"--stop-after", "13", "--overwrite"})));
    // The whole command is repeated, as from the history of a shell.
    run_well(train("part", with(options, {"--resume", "part"})));
    expect_same("part", "whole");
  }
}

// The names of options and values in version 0.1.
TEST_F(CommandResume, TakesARunOfTheEarlierNames) {
  const Arguments earlier = with(kSmall, {"--steps", "40", "--objective", "ssm", "--law=sphere", "--schedule",
                                          "lognormal", "--parameterization", "noise"});
  const Arguments now = with(kSmall, {"--steps", "40", "--objective", "ssm", "--distribution", "sphere", "--schedule",
                                      "log_normal", "--parameterization", "noise_prediction"});
  run_well(train("whole", now));
  run_well(train("part", with(earlier, {"--stop-after", "13"})));
  Checkpoint run = checkpoint("part");
  EXPECT_EQ(run.metadata.at("train.schedule"), "log_normal");
  EXPECT_EQ(run.metadata.count("train.law"), 0u);
  run.metadata["train.law"] = run.metadata.at("train.distribution");
  run.metadata.erase("train.distribution");
  run.metadata["train.schedule"] = "lognormal";
  run.metadata["train.parameterization"] = "noise";
  run.save(path("part/model.safetensors"));
  run_well(train("part", with(now, {"--resume", "part"})));
  expect_same("part", "whole");
}

// The best parameters, the evaluations since then, and the effect of --patience.
TEST_F(CommandResume, TheBestParametersAndThePatienceAreKept) {
  cli::Matrix few{100, 8, {}};
  for (const double z : normal_values(800, 3)) few.values.push_back(static_cast<float>(z));
  cli::write_npy(path("data.npy"), few);
  const Arguments options = {"--hidden", "64,64", "--batch", "32", "--validation", "0.5", "--steps", "1000",
                             "--rate-schedule", "constant", "--samples", "0",
                             // With the default, the initial parameters (F = 0) would be the best.
                             "--initialization", "torch"};
  for (const Arguments& more : {Arguments{}, Arguments{"--patience", "4"}}) {
    SCOPED_TRACE(testing::PrintToString(more));
    run_well(train("whole", with(with(options, more), {"--overwrite"})));
    ASSERT_TRUE(checkpoint("whole").samples_best);
    const std::int64_t end = checkpoint("whole").noise.step;
    EXPECT_EQ(end == 1000, more.empty());
    const double best = checkpoint("whole").arrays.at("train.best")[0];
    // Before, at and after the best step, between two evaluations and at one.
    for (const double stop : {best - 30, best, best + 30, best + 50}) {
      SCOPED_TRACE(stop);
      run_well(
          train("part", with(with(options, more), {"--overwrite", "--stop-after", std::to_string(std::lround(stop))})));
      run_well(train("part", {"--resume", "part", "--samples", "0"}));
      expect_same("part", "whole");
    }
  }
  EXPECT_EQ(run(train("whole", {"--resume", "whole"})).exit_code, 1);  // --patience ended the run
  run_well(train("whole", {"--resume", "whole", "--patience", "0", "--samples", "0"}));
  EXPECT_EQ(checkpoint("whole").noise.step, 1000);
}

TEST_F(CommandResume, SkippedStepsAreCountedOn) {
  const Arguments options = with(kSmall, {"--steps", "130", "--learning-rate", "1e30"});
  const Finished whole = run(train("whole", options));
  EXPECT_EQ(whole.exit_code, 1);
  run_well(train("part", with(options, {"--stop-after", "60"})));
  const std::string before = model("part");
  const Finished rest = run(train("part", {"--resume", "part"}));
  EXPECT_EQ(rest.exit_code, 1);
  EXPECT_EQ(lines_of(rest.err).back(), lines_of(whole.err).back());
  EXPECT_EQ(model("part"), before);
}

TEST_F(CommandResume, AnotherFolderAndOtherThreadsMakeNoDifference) {
  const Arguments options = Arguments{"--hidden", "8,8", "--batch", "200", "--steps", "60"};
  run_well(train("whole", with(options, {"--threads", "1"})));
  run_well(train("part", with(options, {"--threads", "2", "--stop-after", "21"})));
  const std::string part = model("part");
  std::filesystem::copy(path("part/model.safetensors"), path("alone.safetensors"));
  for (const std::string from : {"part", "alone.safetensors"}) {
    run_well(train("rest", {"--threads", "3", "--resume", from, "--overwrite"}));
    expect_same("rest", "whole");
    // The elapsed time of earlier rows is in loss.csv next to the checkpoint, if that exists.
    EXPECT_EQ(lines_of(read_file(path("rest/loss.csv")))[1].back() == ',', from != "part");
  }
  EXPECT_EQ(model("part"), part);
}

TEST_F(CommandResume, AKilledRunGoesOnFromItsLastCheckpoint) {
  const Arguments options = with(kSmall, {"--steps", "4000", "--checkpoint-every", "500"});
  run_well(train("whole", options));
  for (const int signal : {SIGKILL, SIGTERM, SIGINT}) {
    SCOPED_TRACE(signal);
    std::filesystem::remove_all(path("part"));
    Process process = start(train("part", options));
    const auto saved = [&] { return std::filesystem::exists(path("part/loss.csv")); };
    for (int i = 0; i < 20000 && !saved(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ASSERT_TRUE(saved());
    process.send(signal);
    const Finished finished = process.wait();
    EXPECT_EQ(finished.signal, signal == SIGKILL ? SIGKILL : 0);
    if (signal != SIGKILL) {
      EXPECT_EQ(finished.exit_code, 128 + signal) << finished.err;
    }
    const std::int64_t step = checkpoint("part").noise.step;
    EXPECT_GT(step, 0);
    EXPECT_LT(step, 4000);
    if (signal == SIGKILL) {
      EXPECT_EQ(step % 500, 0);
    }
    run_well(train("part", {"--resume", "part"}));
    expect_same("part", "whole");
  }
}

// At a constant rate, the length of a run affects only the spacing of its losses and the largest length of its average.
TEST_F(CommandResume, AFinishedRunMayBeGivenMoreSteps) {
  const Arguments options = with(kSmall, {"--rate-schedule", "constant", "--ema", "0.9"});
  run_well(train("long", with(options, {"--steps", "150"})));
  run_well(train("short", with(options, {"--steps", "100"})));
  EXPECT_EQ(run(train("short", {"--resume", "short"})).exit_code, 1);
  run_well(train("short", {"--resume", "short", "--steps", "150"}));
  EXPECT_EQ(checkpoint("short").params, checkpoint("long").params);
  EXPECT_EQ(checkpoint("short").adam->ema, checkpoint("long").adam->ema);
  EXPECT_EQ(checkpoint("short").metadata, checkpoint("long").metadata);
}

TEST_F(CommandResume, ARunIsReplacedOnlyIfAskedTo) {
  const Arguments options = with(kSmall, {"--steps", "20"});
  run_well(train("run", with(options, {"--stop-after", "5"})));
  run_well(train("other", options));
  std::filesystem::create_directory(path("losses"));
  std::filesystem::copy(path("run/loss.csv"), path("losses/loss.csv"));
  std::filesystem::create_directory(path("copies"));
  std::filesystem::copy(path("run/model.safetensors"), path("copies/earlier.safetensors"));
  std::filesystem::copy(path("other/model.safetensors"), path("copies/model.safetensors"));
  const auto before = listing();
  const std::string all = "model.safetensors, loss.csv, loss.png";
  for (const auto& [arguments, found] : std::vector<std::pair<Arguments, std::string>>{
           {train("run", options), "'run' with " + all},
           {train("losses", options), "'losses' with loss.csv"},
           // These are refused before the data and the run are read.
           {{"train", "no_data.npy", "-o", "run"}, "'run' with " + all},
           {train("run", {"--resume", "other"}), "'run' with " + all},
           {train("run", {"--resume", "nowhere"}), "'run' with " + all},
           {train("copies", {"--resume", "copies/earlier.safetensors"}), "'copies' with model.safetensors"}}) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const Finished finished = run(arguments);
    EXPECT_EQ(finished.exit_code, 1);
    EXPECT_EQ(finished.err,
              "scorematch: --output: expected a folder without a run, --resume to continue it, or --overwrite, got " +
                  found + "\n");
  }
  EXPECT_TRUE(listing() == before);
  run_well(train("./run", {"--resume", "run/model.safetensors", "--stop-after", "5"}));
  run_well(train("run", {"--resume", "run/"}));
  run_well(train("run", {"--resume", "copies/earlier.safetensors", "--overwrite"}));
  run_well(train("losses", with(options, {"--overwrite"})));
  EXPECT_TRUE(model("run") == model("other"));
  EXPECT_TRUE(model("losses") == model("other"));
}

TEST_F(CommandResume, AYoungAverageIsKeptAndNotSampledWith) {
  run_well(train("run", with(kSmall, {"--steps", "100000", "--ema", "0.9999", "--stop-after", "50"})));
  const Checkpoint model = checkpoint("run");
  EXPECT_NE(model.adam->ema, model.params);
  EXPECT_EQ(model.sampling_params(), model.params);
  run_well({"sample", "run/model.safetensors", "-n", "10", "-o", "samples.npy", "--steps", "5"});
}

}  // namespace
}  // namespace scorematch::testing_support
