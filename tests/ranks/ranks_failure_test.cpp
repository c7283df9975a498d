// Errors of one rank or of all: they end all ranks, and one message says why.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "ranks/ranks.h"

namespace scorematch::testing_support {
namespace {

class RanksFailure : public RanksTest {
 protected:
  /// Two ranks with different arguments.
  static Arguments apart(const Arguments& first, const Arguments& second) {
    Arguments all = on(1, first);
    all.push_back(":");
    const Arguments other = on(1, second);
    all.insert(all.end(), other.begin(), other.end());
    return all;
  }
  /// Fails with one message of the command, which has these parts.
  void expect_failure(const Arguments& arguments, const std::vector<std::string>& parts) const {
    const Finished finished = run(arguments);
    EXPECT_NE(finished.exit_code, 0);
    EXPECT_EQ(count_of(finished.err, "scorematch: "), 1) << finished.err;
    for (const std::string& each : parts) EXPECT_EQ(count_of(finished.err, each), 1) << each << " in " << finished.err;
    EXPECT_EQ(finished.out, "");
    EXPECT_FALSE(std::filesystem::exists(path("out")));
  }
};

TEST_F(RanksFailure, OfAllIsSaidOnce) {
  expect_failure(on(3, {"train", "data.npy"}), {"--output is required"});
  expect_failure(on(3, short_run("out", {"--sigma-min", "3", "--sigma-max", "2"})), {"--sigma-min", "at most"});
  expect_failure(on(3, {"train", "none.npy", "-o", "out"}), {"none.npy"});
  expect_failure(on(3, short_run("data.npy/out")), {"data.npy/out"});
  expect_failure(on(3, short_run("out", {"--resume", "none"})), {"none"});
}

TEST_F(RanksFailure, OfOneNamesIt) {
  cli::write_npy(path("other.npy"), correlated_gaussian(1000, 2));
  Arguments with_other = short_run("out");
  with_other[1] = "other.npy";
  expect_failure(apart(short_run("out"), with_other), {"rank 1: DATA: expected 1000 x 2, ", "got 1000 x 2, "});
  with_other[1] = "none.npy";
  expect_failure(apart(short_run("out"), with_other), {"rank 1: ", "none.npy"});
  expect_failure(apart(with_other, short_run("out")), {"scorematch: none.npy"});
  expect_failure(apart(short_run("out", {"--engine", "cpu"}), short_run("out", {"--engine", "reference"})),
                 {"rank 1: --engine: expected cpu, like the first rank's, got reference"});
  expect_failure(apart(short_run("out"), short_run("out", {"--seed", "5"})),
                 {"rank 1: params: expected ", "like the first rank's"});
}

TEST_F(RanksFailure, OfTheOutputEndsAll) {
  run_well(on(2, short_run("run")));
  const Finished again = run(on(2, short_run("run")));
  EXPECT_NE(again.exit_code, 0);
  EXPECT_EQ(count_of(again.err, "scorematch: "), 1) << again.err;
  EXPECT_EQ(count_of(again.err, "--overwrite"), 1) << again.err;
}

// On data on a line, a loss without noise falls without bound, here until it is not finite.
TEST_F(RanksFailure, OfTheLossIsSaidOnce) {
  expect_failure(on(2, short_run("out", {"--learning-rate", "1e30", "--clip", "0", "--steps", "400"})),
                 {"loss: expected finite values, got 101 steps in a row"});
}

TEST_F(RanksFailure, OfAnotherMpiIsSaid) {
  ::setenv("PMI_SIZE", "2", 1);
  Arguments arguments = on(1, short_run("out"));
  const Finished finished = run(arguments);
  ::unsetenv("PMI_SIZE");
  EXPECT_NE(finished.exit_code, 0);
  EXPECT_TRUE(contains(finished.err, "PMI_SIZE: expected 1, as many processes as ")) << finished.err;
}

}  // namespace
}  // namespace scorematch::testing_support
