// A step of many seconds is interrupted: the command ends within a second and saves the run as of the last complete
// step. The resumed run equals an uninterrupted one.
#include <gtest/gtest.h>

#include <chrono>

#include "cli/files/npy.h"
#include "scorematch/checkpoint.h"
#include "support/arrays.h"
#include "support/command.h"

namespace scorematch::testing_support {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class CommandInterrupt : public CommandTest {
 protected:
  void write_data(const std::string& name, std::int64_t rows, std::int64_t cols) const {
    cli::Matrix data{rows, cols, {}};
    for (const double z : normal_values(rows * cols, 1)) data.values.push_back(static_cast<float>(z));
    cli::write_npy(path(name), data);
  }
  std::string model(const std::string& run) const { return read_file(path(run + "/model.safetensors")); }
  /// The lines of loss.csv without the seconds.
  std::vector<std::string> losses(const std::string& run) const {
    std::vector<std::string> lines;
    for (const std::string& line : lines_of(read_file(path(run + "/loss.csv"))))
      lines.push_back(line.substr(0, line.rfind(',')));
    return lines;
  }
  /// Sends SIGINT and expects the command to end soon. The limit is 5 seconds for a busy machine; steps take a minute.
  Finished interrupt(Process& process) const {
    const auto start = Clock::now();
    process.send(SIGINT);
    Finished finished = process.wait(30);
    EXPECT_LT(seconds_since(start), 5);
    EXPECT_EQ(finished.signal, 0);
    EXPECT_EQ(finished.exit_code, 130) << finished.err;
    return finished;
  }
};

// Exact traces of 784 columns take more than a minute per step.
const std::vector<Arguments> kLongSteps = {
    {"--engine", "cpu", "--objective", "ism", "--batch", "16384"},
    {"--engine", "cpu", "--objective", "ism", "--batch", "16384", "--threads", "1"},
    {"--engine", "cpu", "--objective", "ism", "--batch", "8192", "--net", "energy"},
    {"--engine", "reference", "--objective", "ism", "--batch", "512"}};

TEST_F(CommandInterrupt, BeforeAStepIsDoneSavesNothing) {
  write_data("wide.npy", 300, 784);
  const auto before = listing();
  for (const Arguments& options : kLongSteps) {
    Arguments arguments = {"train", "wide.npy", "-o", "run", "--hidden", "256,256", "--standardize", "column"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    SCOPED_TRACE(testing::PrintToString(arguments));
    Process process = start(arguments);
    std::this_thread::sleep_for(std::chrono::seconds(2));
    const Finished finished = interrupt(process);
    EXPECT_EQ(finished.out, "");
    EXPECT_EQ(finished.err, "scorematch: stopped before the first step was done, so nothing was saved\n");
    EXPECT_TRUE(listing() == before);
  }
}

TEST_F(CommandInterrupt, TwiceEndsAtOnce) {
  write_data("wide.npy", 300, 784);
  Process process =
      start({"train", "wide.npy", "-o", "run", "--objective", "ism", "--batch", "16384", "--standardize", "column"});
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const auto begin = Clock::now();
  process.send(SIGINT);
  process.send(SIGINT);
  const Finished finished = process.wait(30);
  EXPECT_LT(seconds_since(begin), 5);
  EXPECT_TRUE(finished.signal == SIGINT || finished.exit_code == 130);
}

// They have no state to save, so the signal ends them as it ends any program.
TEST_F(CommandInterrupt, EndsSamplingAndLikelihoodsAtOnceAndLeavesNoFile) {
  Checkpoint wide;
  wide.net = MlpShape::score(784, {256, 256});
  wide.net.parameterization = parameterization::Edm{};
  wide.params = wide.net.initial_params(1);
  wide.metadata = {{"sigma_min", "0.01"}, {"sigma_max", "20"}};
  wide.save(path("model.safetensors"));
  write_data("wide.npy", 2000, 784);
  const auto before = listing();
  for (const Arguments& arguments :
       {Arguments{"sample", "model.safetensors", "-n", "4096", "-o", "new.npy", "--steps", "100000"},
        Arguments{"likelihood", "model.safetensors", "wide.npy", "-o", "values.npy"}}) {
    SCOPED_TRACE(arguments[0]);
    Process process = start(arguments);
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const auto begin = Clock::now();
    process.send(SIGINT);
    EXPECT_EQ(process.wait(30).signal, SIGINT);
    EXPECT_LT(seconds_since(begin), 2);
    EXPECT_TRUE(listing() == before);
  }
}

// Steps take about a second, so that whole runs can be compared.
TEST_F(CommandInterrupt, InAStepGoesOnFromTheLastOneThatWasDone) {
  write_data("wide.npy", 300, 784);
  const Arguments options = {"train",    "wide.npy", "--objective", "ism", "--batch",       "96",
                             "--steps",  "4",        "--warmup",    "0",   "--validation",  "0.1",
                             "--hidden", "128",      "--samples",   "0",   "--standardize", "column"};
  const auto with = [&](const std::string& output, const Arguments& more) {
    Arguments all = options;
    all.insert(all.end(), {"-o", output});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  run_well(with("whole", {}));
  // The signal may come in a step, in the evaluation after it, or between.
  int resumed = 0;
  for (const double delay : {0.0, 0.2, 0.5}) {
    SCOPED_TRACE(delay);
    std::filesystem::remove_all(path("part"));
    Process process = start(with("part", {}));
    ASSERT_TRUE(process.wait_for_stderr());  // the first step is complete
    std::this_thread::sleep_for(std::chrono::duration<double>(delay));
    const auto begin = Clock::now();
    process.send(SIGINT);
    const Finished finished = process.wait(30);
    EXPECT_LT(seconds_since(begin), 5);
    if (finished.exit_code == 0) break;  // a fast machine may finish first
    EXPECT_EQ(finished.exit_code, 130) << finished.err;
    const Checkpoint left = Checkpoint::load(path("part/model.safetensors"));
    EXPECT_GE(left.noise.step, 1);
    EXPECT_EQ(left.noise.step, left.adam->progress.step);
    if (left.noise.step == 4 && left.metadata.count("train.evaluation_pending") == 0) break;
    run_well(with("part", {"--resume", "part"}));
    EXPECT_TRUE(model("part") == model("whole"));
    EXPECT_EQ(losses("part"), losses("whole"));
    ++resumed;
  }
  EXPECT_GT(resumed, 0);
}

// The evaluation of held-out rows takes much longer than a step and follows every step here.
TEST_F(CommandInterrupt, InAnEvaluationItIsMadeUpForWhenResumed) {
  write_data("wide.npy", 500, 256);
  for (const std::string steps : {"2", "3"}) {  // in the last evaluation, and before it
    SCOPED_TRACE(steps);
    const Arguments options = {"train",    "wide.npy", "--objective",  "ism", "--batch",   "4", "--steps",  steps,
                               "--warmup", "0",        "--validation", "0.9", "--samples", "0", "--hidden", "256,256"};
    const auto with = [&](const std::string& output, const Arguments& more) {
      Arguments all = options;
      all.insert(all.end(), {"-o", output, "--overwrite"});
      all.insert(all.end(), more.begin(), more.end());
      return all;
    };
    run_well(with("whole", {}));
    // On a busy machine the signal may come after the second evaluation, and then has to be sent again.
    bool was_in_evaluation = false;
    for (int attempt = 0; attempt < 10 && !was_in_evaluation; ++attempt) {
      Process process = start(with("part", {}));
      ASSERT_TRUE(process.wait_for_stderr());  // the first evaluation is complete
      std::this_thread::sleep_for(std::chrono::milliseconds(attempt % 2 == 0 ? 50 : 5));
      const auto begin = Clock::now();
      process.send(SIGINT);
      const Finished finished = process.wait(30);
      EXPECT_LT(seconds_since(begin), 5);
      if (finished.exit_code == 0) continue;  // the run was done
      EXPECT_EQ(finished.exit_code, 130) << finished.err;
      EXPECT_NE(finished.out.find("the run was interrupted"), std::string::npos) << finished.out;
      const Checkpoint left = Checkpoint::load(path("part/model.safetensors"));
      was_in_evaluation = left.noise.step == 2 && left.metadata.count("train.evaluation_pending") == 1;
    }
    ASSERT_TRUE(was_in_evaluation);
    run_well(with("part", {"--resume", "part"}));
    EXPECT_TRUE(model("part") == model("whole"));
    EXPECT_EQ(losses("part"), losses("whole"));
  }
}

}  // namespace
}  // namespace scorematch::testing_support
