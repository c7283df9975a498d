// `scorematch scan` on small data: its numbers, its files, and what it refuses.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "scorematch/checkpoint.h"
#include "support/png.h"
#include "support/train_command.h"

namespace scorematch::testing_support {
namespace {

using Json = nlohmann::ordered_json;

class CommandScan : public CommandTrain {
 protected:
  CommandScan() {
    // The score -A x, whose products v^T J v are known.
    model_.net = MlpShape::score(2, {});
    model_.params = {-1, 0.1f, 0.1f, -1, 0, 0};
    model_.loss = Loss{SsmVr{1, Projection::rademacher}};
    model_.save(path("linear.safetensors"));
    std::vector<float> rows;
    for (const double each : normal_values(2000, 4)) rows.push_back(static_cast<float>(each));
    cli::write_npy(path("normal.npy"), cli::Matrix{1000, 2, rows});
  }

  Json scan(const Arguments& more, const std::string& what = "projections") {
    Arguments arguments = {"scan", what, "normal.npy", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished finished = run_well(arguments);
    return Json::parse(finished.out, nullptr, false);
  }

  Checkpoint model_;
};

// With s = W x + b, dl/dW = v v^T + s x^T. So V_v is that of v v^T: d (d - 1) for Rademacher directions, d (d + 1) for
// Gaussian ones, and on the sphere and for coordinates d^2 - d, as |v|^2 = d.
TEST_F(CommandScan, OfProjectionsFindsTheVariancesOfALinearScore) {
  const Json json = scan({"--model", "linear.safetensors", "--minutes", "6"});
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["command"], "scan projections");
  const std::map<std::string, double> known = {{"gaussian", 6}, {"rademacher", 2}, {"sphere", 2}, {"coordinates", 2}};
  ASSERT_EQ(json["distributions"].size(), known.size());
  for (const Json& each : json["distributions"]) {
    const double error = each["v_v_error"];
    EXPECT_NEAR(each["v_v"], known.at(each["distribution"]), 4 * error) << each;
    EXPECT_LT(error, 0.6) << each;
  }
  // J = [[-1, 0.1], [0.1, -1]]: |S|^2 = 2.02, of which 2 are on the diagonal, and tr^2/d = 2.
  const Json& shape = json["jacobian"];
  EXPECT_NEAR(shape["diagonal"], 2 / 2.02, 1e-6);
  EXPECT_NEAR(shape["isotropic"], 2 / 2.02, 1e-6);
  EXPECT_NEAR(shape["antisymmetric"], 0, 1e-6);
  EXPECT_EQ(json["choice"]["distribution"], "hadamard");
  ASSERT_EQ(json["checks"].size(), 1);  // the Hadamard matrix has two rows, which leave V_x alone
  EXPECT_NEAR(json["checks"][0]["predicted"], json["distributions"][1]["v_x"], 1e-6);
  for (const Json& each : json["checks"]) {
    const double error = std::hypot(double{each["predicted_error"]}, double{each["measured_error"]});
    EXPECT_NEAR(each["predicted"], each["measured"], 4 * error) << each;
  }
  EXPECT_GT(json["cost"]["fixed_seconds"].get<double>() + json["cost"]["seconds_per_projection"].get<double>(), 0);
  EXPECT_GE(json["choice"]["projections"], 1);
  EXPECT_LE(json["choice"]["projections"], 2);
}

TEST_F(CommandScan, OfProjectionsTrainsRepeatsWithTheSeedAndWritesItsFiles) {
  const Arguments small = {"--steps", "20",        "--hidden", "8",          "--batch",
                           "32",      "--minutes", "0.01",     "--schedule", "none"};
  Arguments writes = small;
  writes.insert(writes.end(), {"-o", "out"});
  const Json first = scan(small), again = scan(writes);
  ASSERT_TRUE(first.is_object() && again.is_object());
  for (const char* key : {"distributions", "checks", "jacobian", "network", "training"})
    EXPECT_EQ(first[key], again[key]) << key;
  EXPECT_EQ(files("out"), (std::set<std::string>{"scan.csv", "scan.json", "scan.png"}));
  EXPECT_EQ(Json::parse(read_file(path("out/scan.json"))), again);
  const LossTable table = read_losses(path("out/scan.csv"));
  EXPECT_EQ(table.header, "distribution,projections,predicted,predicted_error,measured,measured_error");
  EXPECT_EQ(table.rows.size(), first["distributions"].size() + first["checks"].size());
  EXPECT_DOUBLE_EQ(number(table.rows[0][4]),
                   first["distributions"][0]["v_x"].get<double>() + first["distributions"][0]["v_v"].get<double>());
  const std::string command = first["train"];
  for (const char* part : {"scorematch train normal.npy -o run", "--hidden 8", "--schedule none", "--steps 20",
                           "--objective ssm_vr", "--projections ", "--distribution ", "--batch "})
    EXPECT_TRUE(contains(command, part)) << command;
  EXPECT_EQ(command.find("--batch"), command.rfind("--batch")) << command;

  const Finished refused = run({"scan", "projections", "normal.npy", "-o", "out"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_TRUE(contains(refused.err, "--output: expected a folder without a run")) << refused.err;
}

// An EDM network with F = 0 has the exact score for N(0, I), whose B is 2.
TEST_F(CommandScan, OfSigmaBalancesBiasAndVariance) {
  Checkpoint model;
  model.net = MlpShape::score(2, {4});
  model.net.parameterization = parameterization::Edm{1};
  model.params.assign(static_cast<std::size_t>(model.net.param_count()), 0.0f);
  model.loss = Loss{Dsm{}, schedule::Geometric{0.02, 5, 0}, weighting::Edm{1}};
  model.save(path("gaussian.safetensors"));
  const Json json = scan({"--model", "gaussian.safetensors", "--minutes", "1", "-o", "out"}, "sigma");
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["command"], "scan sigma");
  const double bias = json["bias"]["value"], variance = json["fit"]["variance"], n = json["one_level"]["samples"];
  EXPECT_NEAR(bias, 2, 0.3);
  EXPECT_EQ(json["one_level"]["rule"], "balance");
  EXPECT_NEAR(json["one_level"]["sigma"], std::pow(variance / (2 * bias * n), 1.0 / 6), 1e-9);
  EXPECT_LT(json["one_level"]["low"], json["one_level"]["sigma"]);
  EXPECT_GT(json["one_level"]["high"], json["one_level"]["sigma"]);
  // The variance of plain denoising explodes at small sigma; those of the other estimators follow the network alone.
  const Json &least = json["levels"].front(), &most = json["levels"].back();
  EXPECT_NEAR(least["sigma"], 0.02, 1e-6);
  EXPECT_NEAR(most["sigma"], 5, 1e-6);
  EXPECT_NEAR(least["constant"], 2 / (2 * 0.02 * 0.02), 1e-6);
  EXPECT_GT(least["dsm"]["variance"], 30 * double{least["antithetic"]["variance"]});
  EXPECT_NEAR(least["ssm_vr"]["variance"], least["antithetic"]["variance"],
              0.3 * double{least["antithetic"]["variance"]});
  EXPECT_TRUE(json["many_levels"]["is_fallback"].get<bool>());
  EXPECT_LE(json["many_levels"]["ratio"], 2);
  EXPECT_EQ(files("out"), (std::set<std::string>{"scan.csv", "scan.json", "scan.png"}));
  const LossTable table = read_losses(path("out/scan.csv"));
  EXPECT_EQ(table.rows.size(), 4 * json["levels"].size());
}

TEST_F(CommandScan, OfSigmaTrainsAndRepeatsWithTheSeed) {
  const Arguments small = {"--steps", "20", "--hidden", "8", "--batch", "32", "--minutes", "0.01"};
  const Json first = scan(small, "sigma"), again = scan(small, "sigma");
  ASSERT_TRUE(first.is_object());
  EXPECT_EQ(first, again);
  EXPECT_EQ(first["training"]["networks"], 2);
  for (const char* part : {"scorematch train normal.npy -o run", "--hidden 8", "--schedule log_normal", "--log-mean "})
    EXPECT_TRUE(contains(first["train"], part)) << first["train"];
  for (const char* part : {"--schedule single", "--sigma "})
    EXPECT_TRUE(contains(first["one_level"]["train"], part)) << first["one_level"]["train"];
}

TEST_F(CommandScan, OfSigmaSaysWhereThereIsNoBias) {
  cli::Matrix whole{500, 2, {}};
  for (const double each : normal_values(1000, 6)) whole.values.push_back(static_cast<float>(std::round(each)));
  cli::write_npy(path("whole.npy"), whole);
  const Finished finished = run_well(
      {"scan", "sigma", "whole.npy", "--steps", "20", "--hidden", "8", "--minutes", "0.01", "--standardize", "scale"});
  EXPECT_TRUE(contains(finished.out, "there is no B: many rows are equal")) << finished.out;
  EXPECT_TRUE(contains(finished.out, "half of the data's step")) << finished.out;
}

TEST_F(CommandScan, OfSigmaRefusesWhatHasNoRangeOfLevels) {
  for (const auto& [option, value] : {std::pair{"--objective", "ssm"}, std::pair{"--schedule", "single"}}) {
    const Finished finished = run({"scan", "sigma", "normal.npy", option, value});
    EXPECT_EQ(finished.exit_code, 2);
    EXPECT_TRUE(contains(finished.err, option) && contains(finished.err, value)) << finished.err;
  }
  const Finished finished = run({"scan", "sigma", "normal.npy", "--model", "linear.safetensors"});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_EQ(finished.out, "");
  EXPECT_TRUE(contains(finished.err, "--model: expected a model of a range of noise levels")) << finished.err;
}

TEST_F(CommandScan, RefusesBeforeAnyWork) {
  const auto before = listing();
  const auto expect_refused = [&](const Arguments& more, int exit_code, const std::vector<std::string>& words) {
    Arguments arguments = {"scan", "projections"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    SCOPED_TRACE(testing::PrintToString(arguments));
    const Finished finished = run(arguments);
    EXPECT_EQ(finished.exit_code, exit_code);
    EXPECT_EQ(finished.out, "");
    EXPECT_EQ(lines_of(finished.err).size(), 1u) << finished.err;
    for (const std::string& word : words) EXPECT_TRUE(contains(finished.err, word)) << finished.err;
  };
  expect_refused({}, 2, {"data", "see scorematch scan projections --help"});
  expect_refused({"normal.npy", "--objective", "dsm"}, 2, {"--objective", "ssm or ssm_vr", "dsm"});
  expect_refused({"normal.npy", "--minutes", "0"}, 2, {"--minutes", "0.001", "0"});
  expect_refused({"normal.npy", "--model", "linear.safetensors", "--hidden", "8"}, 2, {"--hidden", "--model", "8"});
  expect_refused({"normal.npy", "-o", "normal.npy"}, 1, {"--output", "normal.npy"});
  expect_refused({"missing.npy"}, 1, {"missing.npy"});
  const Finished nothing = run({"scan"});
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_TRUE(contains(nothing.err, "expected projections or sigma")) << nothing.err;
  EXPECT_TRUE(listing() == before);
}

TEST_F(CommandScan, RefusesAModelOfOtherColumns) {
  model_.net = MlpShape::score(3, {});
  model_.params.assign(12, 0.5f);
  model_.save(path("three.safetensors"));
  const Finished finished = run({"scan", "projections", "normal.npy", "--model", "three.safetensors"});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_TRUE(contains(finished.err, "DATA: expected 3 columns, like the model, got 2")) << finished.err;
}

TEST_F(CommandScan, EndsCleanlyWhenItIsInterrupted) {
  const auto before = listing();
  Process process = start({"scan", "projections", "normal.npy", "-o", "out", "--steps", "100000000"});
  ASSERT_TRUE(process.wait_for_stderr());
  process.send(SIGTERM);
  const Finished finished = process.wait();
  EXPECT_EQ(finished.exit_code, 128 + SIGTERM) << finished.err;
  EXPECT_TRUE(contains(finished.err, "nothing was saved")) << finished.err;
  EXPECT_TRUE(listing() == before);
}

}  // namespace
}  // namespace scorematch::testing_support
