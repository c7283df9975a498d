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

  Json scan(const Arguments& more) {
    Arguments arguments = {"scan", "projections", "normal.npy", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished finished = run_well(arguments);
    return Json::parse(finished.out, nullptr, false);
  }

  Checkpoint model_;
};

// With s = W x + b, dl/dW = v v^T + s x^T. So V_v is that of v v^T: d (d - 1) for Rademacher directions, d (d + 1) for
// Gaussian ones, and on the sphere d^2 - d, as |v|^2 = d.
TEST_F(CommandScan, OfProjectionsFindsTheVariancesOfALinearScore) {
  const Json json = scan({"--model", "linear.safetensors", "--minutes", "6"});
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["command"], "scan projections");
  const std::map<std::string, double> known = {{"gaussian", 6}, {"rademacher", 2}, {"sphere", 2}};
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
  EXPECT_EQ(json["choice"]["distribution"], "rademacher");
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
  EXPECT_TRUE(contains(nothing.err, "expected projections")) << nothing.err;
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
