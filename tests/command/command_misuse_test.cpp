// Wrong and malicious input to the command gives an exit code and one line that says what is wrong, and nothing is
// written. The tables are in misuse/.
#include <gtest/gtest.h>

#include <set>

#include "cli/files/npy.h"
#include "command/misuse/misuse.h"
#include "scorematch/engine.h"
#include "scorematch/error.h"

namespace scorematch::testing_support {
namespace {

void expect_refused(const Finished& finished, int exit_code, const std::vector<std::string>& words) {
  EXPECT_EQ(finished.signal, 0);
  EXPECT_EQ(finished.exit_code, exit_code) << finished.err;
  EXPECT_EQ(finished.out, "");
  EXPECT_EQ(finished.err.rfind("scorematch: ", 0), 0u) << finished.err;
  EXPECT_EQ(lines_of(finished.err).size(), 1u) << finished.err;
  EXPECT_LT(finished.err.size(), 500u) << finished.err;
  for (const std::string& word : words) EXPECT_NE(finished.err.find(word), std::string::npos) << finished.err;
}

class CommandMisuse : public CommandTest {
 protected:
  void expect_all_refused(const std::vector<Misuse>& table) {
    for (const Misuse& misuse : table) {
      SCOPED_TRACE(misuse.name);
      std::filesystem::remove_all(folder());
      std::filesystem::create_directory(folder());
      make_inputs(misuse.arguments);
      const auto before = listing();
      expect_refused(run(misuse.arguments), misuse.exit_code, misuse.words);
      EXPECT_TRUE(listing() == before);
    }
  }

 private:
  /// Makes the files that the arguments name: "text/run" needs text, "two.npz:x" needs two.npz.
  void make_inputs(const Arguments& arguments) const {
    for (const auto& [name, make] : misuse_inputs())
      for (const std::string& argument : arguments)
        if (argument == name || argument == "./" + name || argument.rfind(name + "/", 0) == 0 ||
            argument.rfind(name + ":", 0) == 0) {
          make(path(name));
          break;
        }
  }
};

TEST_F(CommandMisuse, Arguments) { expect_all_refused(bad_arguments()); }
TEST_F(CommandMisuse, Data) { expect_all_refused(bad_data()); }
TEST_F(CommandMisuse, Outputs) { expect_all_refused(bad_outputs()); }
TEST_F(CommandMisuse, Models) { expect_all_refused(bad_models()); }
TEST_F(CommandMisuse, Runs) { expect_all_refused(bad_runs()); }
TEST_F(CommandMisuse, StateDicts) { expect_all_refused(bad_state_dicts()); }
TEST_F(CommandMisuse, Cases) { expect_all_refused(bad_cases()); }

// README.md states this number.
TEST(CommandMisuses, AreMoreThan300AllDifferent) {
  std::set<std::string> names;
  std::set<Arguments> arguments;
  std::size_t count = 0;
  for (const auto& table :
       {bad_arguments(), bad_data(), bad_outputs(), bad_models(), bad_runs(), bad_state_dicts(), bad_cases()})
    for (const Misuse& each : table) {
      ++count;
      EXPECT_TRUE(names.insert(each.name).second) << each.name;
      EXPECT_TRUE(arguments.insert(each.arguments).second) << each.name;
    }
  EXPECT_GT(count, 300u);
}

class CommandCuda : public CommandTest {};

TEST_F(CommandCuda, IsRefusedWhereItCannotBeHad) {
  try {
    Engine::cuda();
    GTEST_SKIP() << "it was built in and works";
  } catch (const Error&) {
  }
  cli::write_npy(path("data.npy"), {4, 1, {1, 2, 3, 4}});
  const auto before = listing();
  expect_refused(run({"train", "data.npy", "-o", "run", "--engine", "cuda"}), kFailure, {"--engine", "cuda"});
  EXPECT_TRUE(listing() == before);
}

}  // namespace
}  // namespace scorematch::testing_support
