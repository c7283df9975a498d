// `mpirun -n R scorematch train`: the model does not depend on R, up to the rounding of sums.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "ranks/ranks.h"
#include "scorematch/checkpoint.h"

namespace scorematch::testing_support {
namespace {

constexpr const char* kEndless = "2000000";  // steps

/// Seconds that Open MPI leaves its processes to end after it was interrupted. It always waits that long.
struct TimeToSave {
  TimeToSave() { ::setenv("OMPI_MCA_odls_base_sigkill_timeout", "3", 1); }
  ~TimeToSave() { ::unsetenv("OMPI_MCA_odls_base_sigkill_timeout"); }
};

class CommandRanks : public RanksTest {
 protected:
  CommandRanks() {
    cli::Matrix halves = correlated_gaussian(1000, 1);
    for (float& each : halves.values) each = std::round(2 * each) / 2;
    cli::write_npy(path("halves.npy"), halves);
  }
  Checkpoint checkpoint(const std::string& run) const { return Checkpoint::load(path(run + "/model.safetensors")); }
  std::string model(const std::string& run) const { return read_file(path(run + "/model.safetensors")); }

  /// The parameters, Adam's moments and the average of both runs, root mean square.
  double apart(const std::string& one, const std::string& other) const {
    const Checkpoint a = checkpoint(one), b = checkpoint(other);
    EXPECT_EQ(a.noise.step, b.noise.step);
    EXPECT_EQ(a.adam->progress.step, b.adam->progress.step);
    double sum = 0, count = 0;
    for (const auto& [x, y] : {std::pair{&a.params, &b.params}, std::pair{&a.adam->ema, &b.adam->ema}}) {
      EXPECT_EQ(x->size(), y->size());
      for (std::size_t i = 0; i < x->size(); ++i) sum += std::pow(static_cast<double>((*x)[i] - (*y)[i]), 2);
      count += static_cast<double>(x->size());
    }
    return std::sqrt(sum / count);
  }

  /// As close to the run of one process as the same run in double is: sums in another order are one of the roundings in
  /// which those two differ.
  void expect_close(const std::string& run, const std::string& alone, const std::string& in_double) const {
    const double limit = apart(in_double, alone), distance = apart(run, alone);
    EXPECT_GT(limit, 0);
    EXPECT_LT(limit, 1e-3);  // after a movement of 0.1 and more
    EXPECT_LE(distance, limit) << run;
    // Of the first step, before the parameters differ: 4 N u (sum of squares)^(1/2) for two orders of a sum in double
    // (docs/numerics.md, "Across splits"), and 17 digits in the file.
    const auto first = read_losses(path(run + "/loss.csv")).rows.at(0),
               same = read_losses(path(alone + "/loss.csv")).rows[0];
    const double mean = number(same[1]), error = number(same[2]), n = 50;
    const double squares = error * error * n * (n - 1) + n * mean * mean;
    EXPECT_NEAR(number(first[1]), mean, 4 * n * 0x1p-53 * std::sqrt(squares)) << run;
  }
};

TEST_F(CommandRanks, GiveTheModelOfOneProcess) {
  struct Case {
    std::string data;
    Arguments more;
  };
  const std::vector<Case> cases = {
      {"data.npy", {}},
      {"data.npy", {"--net", "energy", "--activation", "tanh"}},
      {"halves.npy", {"--dequantize=0.5", "--validation", "0"}},
      {"data.npy", {"--objective", "ssm", "--schedule", "geometric", "--ema", "0.9", "--select", "best"}}};
  for (const Case& each : cases) {
    SCOPED_TRACE(testing::PrintToString(each.more));
    const auto run_on = [&](int ranks, const std::string& output, const std::string& engine) {
      Arguments options = each.more;
      options.insert(options.end(), {"--overwrite", "--engine", engine});
      return run_well(on(ranks, short_run(output, options, each.data)));
    };
    run_on(1, "alone", "cpu");
    run_on(1, "double", "reference");
    for (const int ranks : {2, 3}) {
      const std::string output = "ranks" + std::to_string(ranks);
      const Finished finished = run_on(ranks, output, "cpu");
      EXPECT_EQ(count_of(finished.out, "\nranks       " + std::to_string(ranks) + " processes by "), 1) << finished.out;
      expect_close(output, "alone", "double");
    }
  }
}

TEST_F(CommandRanks, MayHaveNoSampleOfABatch) {
  const auto run_on = [&](int ranks, const std::string& output, const std::string& engine) {
    run_well(on(ranks, {"train", "data.npy", "-o", output, "--hidden", "8", "--batch", "2", "--steps", "5", "--samples",
                        "0", "--engine", engine}));
  };
  run_on(1, "alone", "cpu");
  run_on(1, "double", "reference");
  run_on(3, "ranks", "cpu");
  EXPECT_LE(apart("ranks", "alone"), apart("double", "alone"));
}

TEST_F(CommandRanks, RepeatARunBitIdentically) {
  const Arguments options = {"--steps", "50"};
  run_well(on(3, short_run("one", options)));
  run_well(on(3, short_run("same", options)));
  EXPECT_TRUE(model("one") == model("same"));
  run_well(on(3, short_run("part", {"--steps", "50", "--stop-after", "17"})));
  run_well(on(3, {"train", "data.npy", "-o", "part", "--resume", "part", "--samples", "0", "--threads", "2"}));
  EXPECT_TRUE(model("one") == model("part"));
}

TEST_F(CommandRanks, ResumeEachOthersRuns) {
  run_well(on(1, short_run("alone")));
  run_well(on(1, short_run("double", {"--engine", "reference"})));
  const Arguments resume = {"train", "data.npy", "-o", "part", "--resume", "part", "--samples", "0"};
  for (const std::vector<int>& ranks : {std::vector{2, 3}, std::vector{3, 1}, std::vector{1, 2}}) {
    run_well(on(ranks[0], short_run("part", {"--stop-after", "25", "--overwrite"})));
    EXPECT_EQ(checkpoint("part").noise.step, 25);
    run_well(on(ranks[1], resume));
    expect_close("part", "alone", "double");
  }
}

TEST_F(CommandRanks, LeaveOneCopyOfTheOutput) {
  const Arguments options = {"--hidden",           "16,16", "--batch", "50", "--steps", "40",
                             "--checkpoint-every", "15",    "--json"};
  const Finished alone = run_well(on(1, train("alone", options)));
  const Finished ranks = run_well(on(3, train("ranks", options)));
  EXPECT_EQ(files("ranks"), kAllFiles);
  EXPECT_EQ(lines_of(ranks.out).size(), 1u) << ranks.out;
  EXPECT_EQ(count_of(ranks.out, "\"ranks\":3"), 1) << ranks.out;
  EXPECT_EQ(count_of(alone.out, "\"ranks\":1"), 1) << alone.out;
  EXPECT_EQ(lines_of(ranks.err).size(), lines_of(alone.err).size()) << ranks.err;
  EXPECT_EQ(read_losses(path("ranks/loss.csv")).rows.size(), read_losses(path("alone/loss.csv")).rows.size());
}

TEST_F(CommandRanks, StopTogetherWhenTheHeldOutLossStopsFalling) {
  const Arguments options = {"--steps", "4000", "--patience", "1", "--learning-rate", "0.05"};
  const Finished alone = run_well(on(1, short_run("alone", options)));
  ASSERT_TRUE(contains(alone.out, "(stopped by --patience 1)")) << alone.out;
  EXPECT_TRUE(contains(run_well(on(3, short_run("ranks", options))).out, "(stopped by --patience 1)"));
}

// mpirun passes SIGTERM on, and on Ctrl-C it sends SIGTERM.
TEST_F(CommandRanks, SaveOneCheckpointWhenInterrupted) {
  const TimeToSave time;
  for (const int signal : {SIGTERM, SIGINT}) {
    Process process = start(on(2, short_run("part", {"--steps", kEndless, "--overwrite"})));
    ASSERT_TRUE(process.wait_for_stderr());
    process.send(signal);
    const Finished finished = process.wait();
    EXPECT_NE(finished.exit_code, 0);
    EXPECT_EQ(count_of(finished.out, "(stopped by SIGTERM)"), 1) << finished.out << finished.err;
    const std::int64_t step = checkpoint("part").noise.step;
    EXPECT_GT(step, 0);
    EXPECT_LT(step, 2000000);
    EXPECT_EQ(files("part"), kFiles);
    run_well(on(2, {"train", "data.npy", "-o", "part", "--resume", "part", "--samples", "0", "--steps", kEndless,
                    "--stop-after", "10"}));
    EXPECT_EQ(checkpoint("part").noise.step, step + 10);
    EXPECT_FALSE(contains(finished.err, "scorematch: ")) << finished.err;
  }
}

// Signals to one rank alone stop all of them, and a second one changes nothing.
TEST_F(CommandRanks, StopTogetherWhenOneIsInterrupted) {
  const TimeToSave time;
  Arguments arguments = {SCOREMATCH_RANKS, "2", "sh", "rank.sh"};
  const Arguments command = short_run("part", {"--steps", kEndless});
  write_file(path("rank.sh"), "echo $$ > pid.$OMPI_COMM_WORLD_RANK$PMI_RANK\nexec " SCOREMATCH_RANK " \"$@\"\n");
  arguments.insert(arguments.end(), command.begin(), command.end());
  Process process = start(arguments);
  ASSERT_TRUE(process.wait_for_stderr());
  const auto pid = static_cast<pid_t>(number(lines_of(read_file(path("pid.1"))).at(0)));
  for (int i = 0; i < 2; ++i) {
    ::kill(pid, SIGTERM);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const Finished finished = process.wait();
  EXPECT_NE(finished.exit_code, 0);
  EXPECT_EQ(count_of(finished.out, "(stopped by SIGTERM)"), 1) << finished.out << finished.err;
  EXPECT_LT(checkpoint("part").noise.step, 2000000);
}

TEST_F(CommandRanks, AreNamedByInfo) {
  const Finished info = run_well(on(1, {"info"}));
  EXPECT_TRUE(contains(info.out, "mpirun -n R scorematch train\n  ")) << info.out;
  EXPECT_FALSE(contains(info.out, "built without MPI")) << info.out;
}

}  // namespace
}  // namespace scorematch::testing_support
