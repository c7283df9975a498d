// Every option of the command: if it has no effect it is refused by name with what it needs, and a malformed value is
// refused with the value. The tests use the option tables of the command itself.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <set>

#include "cli/options/commands.h"
#include "command/misuse/misuse.h"
#include "formats/safetensors.h"
#include "scorematch/checkpoint.h"

namespace scorematch::testing_support {
namespace {

using cli::OptionTable;
using Kind = OptionTable::Kind;

struct Command {
  CLI::App app{"", "scorematch"};
  std::vector<std::unique_ptr<OptionTable>> tables = cli::add_commands(app);
};

/// The shortest valid call of each subcommand.
const std::map<std::string, Arguments> kCalls = {
    {"info", {"info"}},
    {"train", {"train", "data.npy", "-o", "run"}},
    {"sample", {"sample", "unconditional.safetensors", "-o", "out.npy"}},
    {"likelihood", {"likelihood", "points.safetensors", "points.npy"}},
    {"scan projections", {"scan", "projections", "data.npy"}},
    {"scan sigma", {"scan", "sigma", "data.npy"}},
    {"eval", {"eval", "case.safetensors", "-o", "out.safetensors"}},
    {"compare", {"compare", "case.safetensors"}},
    {"export", {"export", "model.safetensors", "-o", "out.safetensors"}},
    {"import",
     {"import", "linear.safetensors", "-o", "out.safetensors", "--activation", "silu", "--parameterization", "plain",
      "--conditioning", "log_sigma"}}};

/// Arguments that, added to those of kCalls, violate a condition.
const std::map<std::string, Arguments> kUnmet = {
    {"--engine auto or cpu", {"--engine", "reference"}},
    {"--engines with cpu", {"--engines", "reference,cuda"}},
    {"--conditioning fourier", {"--conditioning", "log_sigma"}},
    {"--standardize auto, whiten, column or scale", {"--standardize", "none"}},
    {"--standardize auto, whiten or column", {"--standardize", "scale"}},
    {"--schedule geometric or log_normal", {"--schedule", "single"}},
    {"--parameterization edm", {"--parameterization", "plain"}},
    {"--weighting edm", {"--weighting", "none"}},
    {"a hidden layer as wide as its input", {"--hidden", "5,7"}},
    {"--objective dsm", {"--objective", "ssm"}},
    {"--objective ssm or ssm_vr", {"--objective", "dsm"}},
    {"--schedule single", {"--schedule", "geometric"}},
    {"--schedule geometric", {"--schedule", "log_normal"}},
    {"--schedule log_normal", {"--schedule", "single"}},
    {"at least as many --steps", {"--steps", "1"}},
    {"--image", {}},
    {"--data", {}},
    {"--label", {}},
    {"--labels", {}},
    {"--context", {}},
    {"--context-columns", {}},
    {"--sampler annealed", {"--sampler", "langevin"}},
    {"--sampler langevin", {"--sampler", "flow"}},
    {"--sampler annealed or langevin", {"--sampler", "flow"}},
    {"--sampler flow, sde or annealed", {"--sampler", "langevin"}},
    {"a network that uses sigma", {}},
    {"no --step-size", {"--step-size", "0.1"}},
    {"--projections above 0", {}},
    {"a model of dequantized data", {}}};

/// Arguments that meet a condition of an option that has several.
const std::map<std::string, Arguments> kMet = {{"--data", {"--data", "points.npy"}}};

void append(Arguments& arguments, const Arguments& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
}

/// Adds options to a call. An option that the call already has gets the new value.
Arguments call_with(const Arguments& call, const Arguments& more) {
  Arguments all = call;
  for (std::size_t i = 0; i + 1 < more.size(); i += 2) {
    const auto found = std::find(all.begin(), all.end(), more[i]);
    if (found != all.end()) all.erase(found, found + 2);
  }
  append(all, more);
  return all;
}

Arguments give(const OptionTable::Entry& option) {
  if (option.kind == Kind::flag) return {option.name};
  if (option.kind == Kind::choice) return {option.name, option.value()};
  if (option.name == "--context-dropout") return {option.name, "0.5"};  // below 1
  return {option.name, option.kind == Kind::number ? "2" : "some.png"};
}

class CommandOptions : public CommandTest {
 protected:
  CommandOptions() {
    for (const auto& [name, make] : misuse_inputs())
      if (name == "data.npy" || name == "points.npy" || name == "points.safetensors" || name == "case.safetensors")
        make(path(name));
    Checkpoint model;
    model.net = MlpShape::score(2, {4});
    model.params.assign(static_cast<std::size_t>(model.net.param_count()), 0.0f);
    model.metadata = {{"sigma_min", "0.01"}, {"sigma_max", "20"}};
    model.save(path("unconditional.safetensors"));
    SafetensorsFile file;
    file.tensors = {{"0.weight", {{5, 4}, std::vector<float>(20, 0.5f)}},
                    {"0.bias", {{5}, std::vector<float>(5, 0.5f)}},
                    {"2.weight", {{3, 5}, std::vector<float>(15, 0.5f)}},
                    {"2.bias", {{3}, std::vector<float>(3, 0.5f)}}};
    write_safetensors(path("linear.safetensors"), file);
  }
};

TEST_F(CommandOptions, WithoutEffectAreRefusedByNameWithWhatTheyNeed) {
  const Command command;
  const auto before = listing();
  int refused = 0;
  for (const auto& table : command.tables)
    for (const OptionTable::Entry& option : table->entries()) {
      Arguments met;  // meets the previous groups
      for (const auto& group : option.need.groups()) {
        Arguments arguments = met;
        std::string wanted;
        for (const cli::Condition& condition : group) {
          ASSERT_EQ(kUnmet.count(condition.text), 1u) << table->name() << " " << option.name << " needs "
                                                      << condition.text << ": add arguments that violate it to kUnmet";
          const Arguments& unmet = kUnmet.at(condition.text);
          const bool has_it = table->name() == "import" && !unmet.empty() && unmet[0] == "--hidden";
          if (!has_it) append(arguments, unmet);
          wanted += (wanted.empty() ? "" : ", or ") + condition.text;
        }
        arguments = call_with(kCalls.at(table->name()), arguments);
        append(arguments, give(option));
        SCOPED_TRACE(testing::PrintToString(arguments));
        const Finished finished = run(arguments);
        EXPECT_EQ(finished.exit_code, kUsage);
        EXPECT_EQ(finished.out, "");
        EXPECT_EQ(lines_of(finished.err).size(), 1u) << finished.err;
        EXPECT_EQ(finished.err.rfind("scorematch: " + option.name + ": needs " + wanted + ", got ", 0), 0u)
            << finished.err;
        EXPECT_NE(finished.err.find("; see scorematch " + table->name() + " --help"), std::string::npos)
            << finished.err;
        ++refused;
        if (const auto found = kMet.find(group[0].text); found != kMet.end()) append(met, found->second);
      }
    }
  EXPECT_GT(refused, 25);
  EXPECT_TRUE(listing() == before);
}

// The options of the parser are those of the table, so each is declared with what it needs.
TEST(CommandTables, HaveEveryOptionOfTheCommand) {
  const Command command;
  const auto subcommands = [](const CLI::App& app) {
    return app.get_subcommands([](const CLI::App*) { return true; });
  };
  std::size_t leaves = 0;
  for (const CLI::App* each : subcommands(command.app)) leaves += std::max<std::size_t>(1, subcommands(*each).size());
  EXPECT_EQ(command.tables.size(), leaves);
  for (const auto& table : command.tables) {
    EXPECT_EQ(kCalls.count(table->name()), 1u) << table->name();
    std::set<const CLI::Option*> declared;
    for (const OptionTable::Entry& each : table->entries()) declared.insert(each.option);
    for (const CLI::Option* each : table->command().get_options())
      EXPECT_TRUE(declared.count(each) == 1 || each->get_name() == "--help")
          << table->name() << " " << each->get_name();
    EXPECT_EQ(declared.size(), table->entries().size());
  }
}

/// The error of the parser; empty if it accepts the call, which then runs. No call here may be accepted.
std::string refusal(Command& command, const Arguments& arguments) {
  std::vector<const char*> argv = {"scorematch"};
  for (const std::string& each : arguments) argv.push_back(each.c_str());
  try {
    command.app.parse(static_cast<int>(argv.size()), argv.data());
  } catch (const CLI::ParseError& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("not refused as an argument, but: ") + error.what();
  }
  return "";
}
std::string refusal(const Arguments& arguments) {
  Command command;
  return refusal(command, arguments);
}

std::vector<std::string> malformed(const OptionTable::Entry& option) {
  const bool is_whole = option.option->get_type_name().find("INT") != std::string::npos;
  if (option.kind == Kind::number) {
    std::vector<std::string> values = {"",       " 5",    "5 ",  "0x10", "1_000", "1,5", "1e400",
                                       "1e-400", "nan",   "inf", "+5",   "five",  "5k",  "1 2",
                                       "0b1",    "1'000", ".",   "1e",   "1e1.5", "--5", "0,5"};
    if (is_whole) values.insert(values.end(), {"1.5", "1e3", "5."});
    return values;
  }
  if (option.kind == Kind::choice) return {"", "no such value", option.value() + " ", "," + option.value()};
  if (option.kind == Kind::list) return {"", ",", ",16", "16,", "16,,16", "reference,,cpu"};
  if (option.kind == Kind::text) return {""};
  return {};
}

TEST(CommandTables, RefuseEveryMalformedValue) {
  const Command command;
  Command parser;  // for all calls: it takes longer to make than to use, and a refused call leaves nothing behind
  for (const auto& table : command.tables)
    for (const OptionTable::Entry& option : table->entries()) {
      const bool is_optional = !option.option->get_required() && option.name.rfind("--", 0) == 0;
      if (!is_optional) continue;
      for (const std::string& value : malformed(option)) {
        if (option.name == "--dequantize" && value.empty()) continue;  // valid: the flag alone
        Arguments arguments = call_with(kCalls.at(table->name()), {option.name, value});
        // The number of a flag, and a value that begins with a dash, must be in the same argument.
        if (option.name == "--dequantize" || value.rfind("-", 0) == 0) {
          arguments.resize(arguments.size() - 2);
          arguments.push_back(option.name + "=" + value);
        }
        SCOPED_TRACE(testing::PrintToString(arguments));
        const std::string text = refusal(parser, arguments);
        EXPECT_EQ(text.rfind(option.name + ": expected ", 0), 0u) << text;
        // For a list the message names the item.
        if (option.kind != Kind::list) {
          EXPECT_NE(text.find("got '" + value + "'"), std::string::npos) << text;
        } else {
          EXPECT_TRUE(text.find("got ''") != std::string::npos || text.find("got '16' in '") != std::string::npos ||
                      text.find("got 'reference' in '") != std::string::npos)
              << text;
        }
      }
    }
}

TEST(CommandTables, NameTheItemOfAListThatIsMalformed) {
  for (const auto& [text, item] : std::map<std::string, std::string>{{"16,wide", "wide"},
                                                                     {"16, 16", " 16"},
                                                                     {"0x10,16", "0x10"},
                                                                     {"16,1e1", "1e1"},
                                                                     {"16,0", "0"},
                                                                     {"16;16", "16;16"},
                                                                     {"16.0", "16.0"},
                                                                     {"1048577,2", "1048577"}}) {
    const std::string got = refusal({"train", "data.npy", "-o", "run", "--hidden", text});
    const std::string place = item == text ? "" : " in '" + text + "'";
    EXPECT_EQ(got, "--hidden: expected a whole number from 1 to 1048576, got '" + item + "'" + place);
  }
}

TEST(CommandTables, SayWhyABoundIsOne) {
  const std::string text = refusal({"train", "data.npy", "-o", "run", "--ema", "1"});
  EXPECT_NE(text.find("from 0 to 0.9999999 (an average with decay 1 would stay"), std::string::npos) << text;
}

}  // namespace
}  // namespace scorematch::testing_support
