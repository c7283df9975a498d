// --json: one object with the facts of the text, typed, for every subcommand.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/options/progress.h"
#include "formats/safetensors.h"
#include "formats/spec_text.h"
#include "support/train_command.h"

namespace scorematch::testing_support {
namespace {

using Json = nlohmann::ordered_json;

const std::string kCase = std::string(SCOREMATCH_TEST_DATA) + "/golden/cases/dsm-silu-edm-fourier.safetensors";

Arguments with(Arguments arguments, const Arguments& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// "0.695 ± 0.040", as in the text.
std::string measured(const Json& object) {
  const Json& error = object.at("standard_error");
  return cli::format_measurement(object.at("mean").get<double>(), error.is_null() ? NAN : error.get<double>());
}

/// "steps.done" of every value, "wrote[]" of a list, "differences[].engine" of the members of a list of objects;
/// "selected" of an object that is null.
void add_keys(const Json& value, const std::string& key, std::set<std::string>& keys) {
  if (value.is_object()) {
    for (const auto& [name, member] : value.items()) add_keys(member, (key.empty() ? "" : key + ".") + name, keys);
  } else if (value.is_array() && !value.empty() && value[0].is_object()) {
    for (const Json& each : value) add_keys(each, key + "[]", keys);
  } else {
    keys.insert(value.is_array() ? key + "[]" : key);
  }
}

/// The keys in the table of docs/command.md, "| train, sample | `engine` | its description |".
std::vector<std::string> documented_keys(const std::string& command) {
  std::vector<std::string> keys;
  for (const std::string& line : lines_of(read_file(std::string(SCOREMATCH_EXAMPLE_DATA) + "/../../command.md"))) {
    std::istringstream row(line);
    std::string nothing, commands, cell;
    if (!std::getline(row, nothing, '|') || !std::getline(row, commands, '|') || !std::getline(row, cell, '|'))
      continue;
    commands = "," + commands.substr(0, commands.size() - 1) + ",";
    if (commands != ", all," && commands.find(", " + command + ",") == std::string::npos) continue;
    std::istringstream items(cell);
    for (std::string key; std::getline(items, key, ',');)
      keys.push_back(key.substr(key.find('`') + 1, key.rfind('`') - key.find('`') - 1));
  }
  return keys;
}

class CommandJson : public CommandTrain {
 protected:
  /// The object that a call prints, after the checks that hold for all of them.
  Json report(const Arguments& arguments) {
    const Finished finished = run_well(with(arguments, {"--json"}));
    EXPECT_EQ(lines_of(finished.out).size(), 1u) << finished.out;
    Json object = Json::parse(finished.out, nullptr, false);
    EXPECT_TRUE(object.is_object()) << finished.out;
    if (!object.is_object()) return {};
    const std::string command = object.at("command");  // "scan projections" of scan
    EXPECT_EQ(command.substr(0, command.find(' ')), arguments.front());
    // Warnings on stderr are in the object, too.
    const std::string start = "scorematch: warning: ";
    for (const std::string& line : lines_of(finished.err)) {
      if (line.rfind(start, 0) != 0) continue;
      const Json& warnings = object["warnings"];
      EXPECT_EQ(std::count(warnings.begin(), warnings.end(), line.substr(start.size())), 1) << line;
    }
    expect_documented(object);
    return object;
  }

  static void expect_documented(const Json& object) {
    const std::string command = object.at("command");
    const std::vector<std::string> documented = documented_keys(command);
    std::set<std::string> keys;
    add_keys(object, "", keys);
    const auto is_within = [](const std::string& key, const std::string& outer) {
      return key == outer || key.rfind(outer + ".", 0) == 0;
    };
    for (const std::string& key : keys)
      EXPECT_TRUE(
          std::any_of(documented.begin(), documented.end(), [&](const auto& each) { return is_within(each, key); }))
          << command << " has " << key << ", which the page does not";
    for (const std::string& key : documented)
      EXPECT_TRUE(std::any_of(keys.begin(), keys.end(), [&](const auto& each) { return is_within(key, each); }))
          << command << " has no " << key << ", which the page has";
    // The keys of the object itself are always there.
    std::set<std::string> outermost, found;
    for (const std::string& key : documented) outermost.insert(key.substr(0, key.find_first_of(".[")));
    for (const auto& [key, value] : object.items()) found.insert(key);
    EXPECT_EQ(found, outermost) << command;
  }

  /// Fails like the same call without --json, with nothing on stdout.
  void expect_failure(const Arguments& arguments) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const Finished text = run(arguments), json = run(with(arguments, {"--json"}));
    EXPECT_NE(json.exit_code, 0);
    EXPECT_EQ(json.exit_code, text.exit_code);
    EXPECT_EQ(json.err, text.err);
    EXPECT_EQ(json.out, "");
  }

  void train_model() { run_well(train("run", {"--steps", "40", "--samples", "100"})); }
};

/// Expects lines of the text that state these facts.
void expect_lines(const std::string& text, const std::vector<std::pair<std::string, std::string>>& lines) {
  for (const auto& [name, rest] : lines) {
    const std::string wanted = name + rest;
    EXPECT_NE(("\n" + text).find("\n" + wanted), std::string::npos) << wanted << "\n" << text;
  }
}

TEST_F(CommandJson, OfScanHasTheDocumentedKeys) {
  const Json json = report({"scan", "projections", "data.npy", "--steps", "5", "--hidden", "4", "--minutes", "0.01"});
  EXPECT_EQ(json["training"]["steps"], 5);
  EXPECT_TRUE(json["model"].is_null());
  const Json sigma = report({"scan", "sigma", "data.npy", "--steps", "5", "--hidden", "4", "--minutes", "0.01"});
  EXPECT_EQ(sigma["training"]["networks"], 2);
}

TEST_F(CommandJson, OfTrainHasTheFactsOfTheText) {
  const Arguments arguments = train("run", {"--steps", "40", "--samples", "100", "--overwrite"});
  const std::string text = run_well(arguments).out;
  const Json json = report(arguments);
  const Json &noise = json["noise"], &steps = json["steps"], &net = json["network"], &baseline = json["baseline"];
  expect_lines(
      text,
      {{"data        ", json["data"]["rows"].dump() + " x " + json["data"]["columns"].dump() + "\n"},
       {"noise       ", "sigma from " + number_text(noise["sigma_min"]) + " to " + number_text(noise["sigma_max"]) +
                            " in units in which the data have standard deviation " +
                            number_text(noise["data_deviation"]) + ", trained with ln sigma ~ N(" +
                            number_text(noise["log_mean"]) + ", " + number_text(noise["log_deviation"]) + "^2)"},
       {"objective   ", json["objective"]["name"].get<std::string>() + ", weighting " +
                            json["objective"]["weighting"].get<std::string>()},
       {"engine      ", json["engine"].get<std::string>() + "\n"},
       {"network     ", net["dim"].dump() + " -> " + net["hidden"][0].dump() + " " + net["hidden"][1].dump() + " -> " +
                            net["outputs"].dump() + ", " + net["parameters"].dump() + " parameters"},
       {"steps       ",
        steps["done"].dump() + " of " + steps["planned"].dump() + ", " + steps["batch"].dump() + " samples each\n"},
       {"loss        ", measured(json["loss"])},
       {"held out    ", measured(json["held_out"]) + " (" + json["held_out"]["rows"].dump() + " rows)"},
       {"baseline    ",
        measured(baseline["gaussian"]) + " of a Gaussian's score, " + measured(baseline["zero"]) + " of F = 0"},
       {"samples     ", json["samples"]["count"].dump() + " compared with " + json["samples"]["data_rows"].dump() +
                            " rows of the data\n"}});
  EXPECT_EQ(steps["done"], 40);
  EXPECT_EQ(net["hidden"], Json({32, 32}));
  EXPECT_EQ(json["units"], "whiten");
  EXPECT_TRUE(json["throughput"]["samples_per_second"].is_number_float());
  EXPECT_GT(json["throughput"]["seconds"], 0);
  // What is not there is null.
  EXPECT_TRUE(steps["stopped_by"].is_null() && json["selected"].is_null() && noise["levels"].is_null());
  std::vector<std::string> written;
  for (const std::string& line : lines_of(text))
    if (line.rfind("wrote ", 0) == 0) written.push_back(line.substr(12));
  EXPECT_EQ(json["wrote"], Json(written));
  ASSERT_EQ(json["samples"]["shown"].size(), 2u);
  EXPECT_NEAR(json["samples"]["shown"][1]["data"]["mean"], kMean[1], 0.5);
}

TEST_F(CommandJson, OfTrainSaysWhyARunStoppedAndWhatItWarnsOf) {
  const Json stopped = report(train("run", {"--steps", "40", "--stop-after", "4"}));
  EXPECT_EQ(stopped["steps"]["stopped_by"], "--stop-after");
  EXPECT_EQ(stopped["steps"]["done"], 4);
  EXPECT_EQ(stopped["samples"]["not_compared"], "the run is not over");
  const Json resumed = report({"train", "data.npy", "-o", "run", "--resume", "run", "--samples", "0"});
  EXPECT_EQ(resumed["steps"]["resumed_after"], 4);
  EXPECT_TRUE(resumed["steps"]["stopped_by"].is_null());
  // Two modes, which two steps do not learn.
  cli::Matrix modes{1000, 1, {}};
  for (const double z : normal_values(1000, 4)) modes.values.push_back(static_cast<float>(z > 0 ? 10 + z : -10 + z));
  cli::write_npy(path("modes.npy"), modes);
  const Arguments few = {"train", "modes.npy", "-o", "few", "--steps", "2", "--hidden", "8", "--overwrite"};
  const std::string text = run_well(few).out;
  const Json json = report(few);
  ASSERT_EQ(json["warnings"].size(), 1u) << json;
  ASSERT_EQ(json["advice"].size(), 1u) << json;
  expect_lines(text, {{"warning     ", json["warnings"][0].get<std::string>() + "\n"},
                      {"try         ", json["advice"][0].get<std::string>() + "\n"}});
  for (const Json& note : json["notes"]) expect_lines(text, {{"note        ", note.get<std::string>() + "\n"}});
}

TEST_F(CommandJson, OfSampleHasTheFactsOfTheText) {
  run_well(train("run", {"--steps", "20", "--schedule", "single", "--sigma", "0.3", "--samples", "0"}));
  const Arguments arguments = {
      "sample", "run/model.safetensors", "-o",  "new.npy", "-n", "30", "--sampler", "langevin", "--steps",
      "2",      "--step-size",           "1e-6"};
  const std::string text = run_well(arguments).out;
  const Json json = report(arguments);
  const Json &chains = json["chains"], &mixing = json["mixing"];
  expect_lines(text, {{"engine      ", json["engine"].get<std::string>() + "\n"},
                      {"chains      ", chains["steps"].dump() + " steps of size " + short_text(chains["step_size"], 3) +
                                           " at sigma " + short_text(chains["sigma"], 3) + ", from N(0, " +
                                           short_text(chains["sigma_start"], 3) + "^2)\n"},
                      {"mixing      ", short_text(mixing["relaxation_times"], 2) + " relaxation times"},
                      {"wrote       ", json["wrote"][0].get<std::string>() + "\n"}});
  EXPECT_EQ(json["count"], 30);
  EXPECT_EQ(chains["start"], "normal");
  EXPECT_TRUE(json["acceptance"].is_null());
  EXPECT_EQ(mixing["is_stuck"], true);
  EXPECT_EQ(json["warnings"].size(), 1u) << "report() compares it with stderr";
}

TEST_F(CommandJson, OfLikelihoodHasTheFactsOfTheText) {
  train_model();
  cli::Matrix data = correlated_gaussian(50, 2);
  data.values[6] = 1e30f;  // a row without a value
  cli::write_npy(path("new.npy"), data);
  const Arguments arguments = {"likelihood", "run/model.safetensors", "new.npy", "-o", "out.csv", "--steps", "5"};
  const std::string text = run_well(arguments).out;
  const Json json = report(arguments);
  const Json &flow = json["flow"], &value = json["log_likelihood"], &bits = json["bits_per_dim"];
  expect_lines(text, {{"engine          ", json["engine"].get<std::string>() + "\n"},
                      {"flow            ", "sigma " + short_text(flow["sigma_min"], 4) + " to " +
                                               short_text(flow["sigma_max"], 4) + " in " + flow["steps"].dump() +
                                               " steps, exact divergence\n"},
                      {"log-likelihood  ", measured(value) + " nats (" + value["rows"].dump() + " rows)\n"},
                      {"bits per dim    ", measured(bits) + " (of " + bits["of"].get<std::string>() + ")\n"},
                      {"wrote           ", json["wrote"][0].get<std::string>() + "\n"}});
  EXPECT_EQ(value["rows"], 49);
  EXPECT_EQ(value["rows_without"], 1);
  EXPECT_EQ(flow["projections"], 0);
  EXPECT_NEAR(bits["mean"], -value["mean"].get<double>() / (2 * std::log(2.0)), 1e-9);
  EXPECT_EQ(json["warnings"].size(), 1u);
}

TEST_F(CommandJson, OfCompareHasTheTable) {
  const std::string text = run_well({"compare", kCase}).out;
  const Json json = report({"compare", kCase});
  EXPECT_EQ(json["relative_to"], "reference");
  ASSERT_EQ(json["engines"].size(), 2u);
  EXPECT_EQ(lines_of(text)[0], "reference   " + json["engines"][0]["description"].get<std::string>());
  std::size_t rows = 0;
  for (const Json& each : json["differences"]) {
    char row[128];
    std::snprintf(row, sizeof row, "%-24s  %9.2e  %9.2e\n", each["output"].get<std::string>().c_str(),
                  each["largest_error"].get<double>(), each["rms_error"].get<double>());
    expect_lines(text, {{"", row}});
    EXPECT_EQ(each["engine"], "cpu");
    ++rows;
  }
  EXPECT_EQ(rows, lines_of(text).size() - 6);  // two engines, and the head of the table
}

TEST_F(CommandJson, OfEvalHasTheLossAndWarnings) {
  SafetensorsFile file = read_safetensors(kCase);
  const Json good = report({"eval", kCase, "-o", "out.safetensors"});
  expect_lines(run_well({"eval", kCase, "-o", "out.safetensors"}).out,
               {{"", "loss " + short_text(good["loss"]["mean"], 9) + ", standard error " +
                         short_text(good["loss"]["standard_error"], 3) + ", on " + good["engine"].get<std::string>()}});
  // JSON has no number that is not finite.
  std::vector<double> x = file.tensors.at("x").as_double();
  x[0] = std::nan("");
  file.tensors.at("x").values = x;
  write_safetensors(path("case.safetensors"), file);
  const Json bad = report({"eval", "case.safetensors", "-o", "out.safetensors"});
  EXPECT_TRUE(bad["loss"].contains("mean") && bad["loss"]["mean"].is_null()) << bad;
  EXPECT_EQ(bad["warnings"].size(), 1u);
}

TEST_F(CommandJson, OfTheOtherSubcommandsHasTheFactsOfTheText) {
  const std::string text = run_well({"info"}).out;
  const Json info = report({"info"});
  expect_lines(text, {{"scorematch ", info["version"].get<std::string>() + "\n"},
                      {"--engine auto selects\n  ", info["auto"].get<std::string>() + "\n"}});
  ASSERT_EQ(info["engines"].size(), 3u);
  for (const Json& each : info["engines"]) {
    EXPECT_NE(each["description"].is_null(), each["error"].is_null()) << each;
    const std::string said = each["error"].is_null() ? each["description"] : each["error"];
    EXPECT_TRUE(contains(text, said)) << said;
  }
  train_model();
  const Json exported = report({"export", "run/model.safetensors", "-o", "net.safetensors", "--layers-only"});
  ASSERT_EQ(exported["tensors"].size(), 6u);
  EXPECT_EQ(exported["tensors"][1], Json({{"name", "0.weight"}, {"shape", {32, 18}}}));
  run_well({"export", "run/model.safetensors", "-o", "net.safetensors"});
  const Json imported = report({"import", "net.safetensors", "-o", "model.safetensors"});
  EXPECT_EQ(imported["network"]["hidden"], Json({32, 32}));
  EXPECT_EQ(imported["wrote"], Json({"model.safetensors"}));
}

TEST_F(CommandJson, FailuresWriteNothingToStdout) {
  train_model();
  expect_failure({"train", "missing.npy", "-o", "other"});
  expect_failure({"train", "data.npy", "-o", "run"});  // has a run
  expect_failure({"train", "data.npy", "-o", "other", "--levels", "20"});
  expect_failure({"sample", "run/model.safetensors", "-o", "new.txt"});
  expect_failure({"likelihood", "run/model.safetensors", "data.npy", "--count", "2000"});
  expect_failure({"compare", kCase, "--tolerance", "1e-12"});  // as text, the table precedes the error
  expect_failure({"eval", "missing.safetensors", "-o", "out.safetensors"});
}

/// Process writes stdout to a file beside the folder of the command.
TEST_F(CommandJson, AnOutputThatIsStdoutIsRefused) {
  train_model();
  const std::filesystem::path out = folder().parent_path() / "stdout";
  for (const std::string name : {"new.csv", "picture.png", "loss.csv"})
    std::filesystem::create_symlink(out, path(name));
  const std::vector<std::pair<Arguments, std::string>> cases = {
      {{"sample", "run/model.safetensors", "-o", "new.csv"}, "--output, got 'new.csv'"},
      {{"sample", "run/model.safetensors", "-o", "new.npy", "--data", "data.npy", "--picture", "picture.png"},
       "--picture, got 'picture.png'"},
      {{"likelihood", "run/model.safetensors", "data.npy", "--steps", "2", "-o", "new.csv"}, "--output, got 'new.csv'"},
      {{"eval", kCase, "-o", "new.csv"}, "--output, got 'new.csv'"},
      {{"export", "run/model.safetensors", "-o", "new.csv"}, "--output, got 'new.csv'"},
      {train(".", {"--overwrite"}), "--output, got './loss.csv'"}};
  for (const auto& [arguments, rest] : cases) {
    const Finished finished = run(with(arguments, {"--json"}));
    EXPECT_EQ(finished.exit_code, 1);
    EXPECT_EQ(finished.out, "");
    EXPECT_EQ(finished.err, "scorematch: --json: expected a stdout that is not the file of " + rest + " for both\n");
  }
}

}  // namespace
}  // namespace scorematch::testing_support
