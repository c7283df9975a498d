// Processes that a launcher starts: what the environment says of them, their parts of a batch, and a command without
// MPI.
#include "cli/ranks/launch.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>

#include "cli/ranks/ranks.h"
#include "support/command.h"

namespace scorematch::testing_support {
namespace {

using Variables = std::map<std::string, std::string>;

/// Variables of the environment, as long as this exists.
class Environment {
 public:
  explicit Environment(Variables variables) : variables_(std::move(variables)) {
    for (const auto& [name, value] : variables_) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() {
    for (const auto& [name, value] : variables_) ::unsetenv(name.c_str());
  }

 private:
  Variables variables_;
};

TEST(Launch, IsReadFromTheEnvironment) {
  EXPECT_EQ(cli::launch_of_environment().size, 1);
  for (const auto& [size, rank] : Variables{{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
                                            {"PMI_SIZE", "PMI_RANK"},
                                            {"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"},
                                            {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"}}) {
    const Environment environment(Variables{{size, "3"}, {rank, "2"}});
    const cli::Launch launch = cli::launch_of_environment();
    EXPECT_EQ(launch.size, 3);
    EXPECT_EQ(launch.rank, 2);
    EXPECT_EQ(launch.variable, size);
  }
  for (const char* alone : {"1", "", "three", "3 "}) {
    const Environment environment(Variables{{"PMI_SIZE", alone}, {"PMI_RANK", "2"}});
    EXPECT_EQ(cli::launch_of_environment().size, 1) << alone;
    EXPECT_EQ(cli::launch_of_environment().rank, 0) << alone;
  }
}

TEST(Ranks, DivideABatch) {
  for (const std::int64_t batch : {0, 1, 2, 50, 512}) {
    for (const int size : {1, 2, 3, 7, 60}) {
      std::int64_t next = 0;
      for (int rank = 0; rank < size; ++rank) {
        const cli::BatchPart part = cli::part_of(batch, rank, size);
        EXPECT_EQ(part.begin, next);
        EXPECT_TRUE(part.count == batch / size || part.count == batch / size + 1);
        next += part.count;
      }
      EXPECT_EQ(next, batch);
    }
  }
}

class CommandLaunch : public CommandTest {};

TEST_F(CommandLaunch, IsRefusedWithoutMpi) {
  if (!cli::mpi_version().empty()) GTEST_SKIP() << "built with MPI";
  write_file(path("data.csv"), "1,2\n3,4\n5,7\n");
  const Arguments train = {"train", "data.csv", "-o", "out"};
  const Environment size(Variables{{"PMI_SIZE", "3"}});
  const Finished first = run(train);
  EXPECT_EQ(first.exit_code, 1);
  EXPECT_NE(first.err.find("scorematch: PMI_SIZE: expected 1, because this command was built without MPI, got 3: "),
            std::string::npos)
      << first.err;
  EXPECT_EQ(run({"train"}).exit_code, 2);
  // One message is enough.
  const Environment rank(Variables{{"PMI_RANK", "1"}});
  for (const Arguments& arguments : {train, Arguments{"train"}}) {
    const Finished other = run(arguments);
    EXPECT_EQ(other.exit_code, 0);
    EXPECT_EQ(other.err + other.out, "");
  }
  EXPECT_FALSE(std::filesystem::exists(path("out")));
}

TEST_F(CommandLaunch, IsForTrainingOnly) {
  write_file(path("data.csv"), "1,2\n3,4\n5,7\n");
  const std::vector<Arguments> others = {{"compare", "data.csv", "data.csv"}, {"scan", "sigma", "data.csv"}};
  const Environment size(Variables{{"PMI_SIZE", "3"}});
  for (const Arguments& arguments : others) {
    const Finished first = run(arguments);
    EXPECT_EQ(first.exit_code, 2);
    EXPECT_EQ(first.err.find("scorematch: PMI_SIZE: expected 1, as only train runs in several processes, got 3"), 0u)
        << first.err;
  }
  const Environment rank(Variables{{"PMI_RANK", "1"}});
  for (const Arguments& arguments : others) EXPECT_EQ(run(arguments).exit_code, 0);
}

TEST_F(CommandLaunch, IsExplainedByInfo) {
  const std::string out = run_well({"info"}).out;
  EXPECT_NE(out.find("mpirun -n R scorematch train\n  " +
                     (cli::mpi_version().empty() ? "not available: built without MPI" : cli::mpi_version())),
            std::string::npos)
      << out;
}

}  // namespace
}  // namespace scorematch::testing_support
