// `scorematch likelihood` with models whose densities are known: an EDM network with F = 0 is a Gaussian.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "cli/files/npy.h"
#include "scorematch/checkpoint.h"
#include "support/arrays.h"
#include "support/command.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

constexpr double kSigmaData = 0.5, kLow = 0.01, kTwoPi = 6.283185307179586476925286766559;

/// N(mean, (sigma_data^2 + sigma_min^2) scale^2) in units of the data.
Checkpoint gaussian_model(std::vector<double> mean, std::vector<double> scale) {
  Checkpoint model;
  model.net = MlpShape::score(static_cast<int>(mean.size()), {4});
  model.net.parameterization = parameterization::Edm{kSigmaData};
  model.params.assign(static_cast<std::size_t>(model.net.param_count()), 0.0f);
  model.standardization = {std::move(mean), std::move(scale), {}};
  model.metadata = {{"sigma_min", "0.01"}, {"sigma_max", "20"}};
  return model;
}

const std::vector<double> kMean = {10, -200, 0.5}, kScale = {4, 0.25, 30};

cli::Matrix gaussian_data(std::int64_t rows) {
  const std::vector<double> z = normal_values(rows * 3, 1);
  cli::Matrix data{rows, 3, {}};
  for (std::size_t i = 0; i < z.size(); ++i)
    data.values.push_back(static_cast<float>(kMean[i % 3] + kScale[i % 3] * kSigmaData * z[i]));
  return data;
}

double log_density(const cli::Matrix& data, std::size_t row) {
  double sum = 0;
  for (std::size_t j = 0; j < 3; ++j) {
    const double deviation = std::hypot(kSigmaData, kLow) * kScale[j],
                 z = (static_cast<double>(data.values[3 * row + j]) - kMean[j]) / deviation;
    sum -= 0.5 * z * z + std::log(deviation) + 0.5 * std::log(kTwoPi);
  }
  return sum;
}

/// Reads an .npy file without checks, because read_npy() refuses some of its values.
cli::Matrix read_floats(const std::string& path) {
  const std::string bytes = read_file(path);
  const std::size_t header = bytes.find('\n') + 1;
  cli::Matrix matrix{static_cast<std::int64_t>((bytes.size() - header) / sizeof(float)), 1, {}};
  matrix.values.resize(static_cast<std::size_t>(matrix.rows));
  std::memcpy(matrix.values.data(), bytes.data() + header, matrix.values.size() * sizeof(float));
  return matrix;
}

class CommandLikelihood : public CommandTest {
 protected:
  std::string likelihood(const Arguments& more) const {
    Arguments arguments = {"likelihood", "model.safetensors", "data.npy"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_well(arguments).out;
  }
};

/// The value and the error after a label, as in "-12.3 ± 0.4".
std::pair<double, double> measurement(const std::string& out, const std::string& label) {
  const std::size_t at = out.find(label);
  EXPECT_NE(at, std::string::npos) << out;
  if (at == std::string::npos) return {};
  char* end = nullptr;
  const double value = std::strtod(out.c_str() + at + label.size(), &end);
  const std::size_t sign = out.find("±", at);
  return {value, std::strtod(out.c_str() + sign + std::string("±").size(), nullptr)};
}

TEST_F(CommandLikelihood, IsOfTheDataInTheirUnits) {
  gaussian_model(kMean, kScale).save(path("model.safetensors"));
  const cli::Matrix data = gaussian_data(1500);  // more than one batch
  cli::write_npy(path("data.npy"), data);
  const std::string out = likelihood({"-o", "values.npy"});
  const cli::Matrix values = cli::rounded(cli::read_npy(path("values.npy")));
  ASSERT_EQ(values.rows, 1500);
  ASSERT_EQ(values.cols, 1);
  std::vector<double> all;
  for (std::size_t n = 0; n < values.values.size(); ++n) {
    all.push_back(log_density(data, n));
    ASSERT_NEAR(values.values[n], all.back(), 5e-3) << n;
  }
  const Moments m = moments(all);
  const double error = std::sqrt(m.variance / (m.count - 1));
  const auto [nats, nats_error] = measurement(out, "log-likelihood");
  EXPECT_NEAR(nats, m.mean, 0.1 * error + 5e-3);  // the error is printed with two digits
  EXPECT_NEAR(nats_error, error, 0.05 * error);
  const auto [bits, bits_error] = measurement(out, "bits per dim");
  EXPECT_NEAR(bits, -m.mean / (3 * std::log(2.0)), (0.1 * error + 5e-3) / 2);
  EXPECT_NEAR(bits_error, error / (3 * std::log(2.0)), 0.05 * error);
  EXPECT_NE(out.find("exact divergence"), std::string::npos) << out;
}

TEST_F(CommandLikelihood, LeavesConstantColumnsOutAndGivesRowsWithOtherValuesNone) {
  Checkpoint model = gaussian_model(kMean, kScale);
  model.save(path("model.safetensors"));
  const cli::Matrix data = gaussian_data(20);
  cli::write_npy(path("data.npy"), data);
  likelihood({"-o", "without.npy"});
  model.standardization = {{kMean[0], 0.1, kMean[1], kMean[2]}, {kScale[0], 0, kScale[1], kScale[2]}, {}};
  model.save(path("model.safetensors"));
  cli::Matrix wider{20, 4, {}};
  for (std::size_t n = 0; n < 20; ++n)
    wider.values.insert(wider.values.end(), {data.values[3 * n], 0.1f, data.values[3 * n + 1], data.values[3 * n + 2]});
  cli::write_npy(path("data.npy"), wider);
  const std::string out = likelihood({"-o", "with.npy"});
  EXPECT_EQ(cli::read_npy(path("with.npy")).values, cli::read_npy(path("without.npy")).values);
  wider.values[4 * 7 + 1] = 0.5f;
  cli::write_npy(path("data.npy"), wider);
  const Finished finished = run_well({"likelihood", "model.safetensors", "data.npy", "-o", "without_7.npy"});
  EXPECT_EQ(
      finished.err,
      "scorematch: warning: 1 of 20 rows have no finite log-likelihood and are left out of the mean: 7 (from 0); "
      "1 cannot come from the model: row 7 has 0.5 in column 1 (from 0), which was constant at 0.1 in training\n");
  const cli::Matrix others = cli::rounded(cli::read_npy(path("without.npy"))),
                    values = read_floats(path("without_7.npy"));
  ASSERT_EQ(values.rows, 20);
  for (std::size_t n = 0; n < 20; ++n)
    EXPECT_EQ(values.values[n], n == 7 ? -std::numeric_limits<float>::infinity() : others.values[n]) << n;
  for (std::size_t n = 0; n < 20; ++n) wider.values[4 * n + 1] = 0.5f;
  cli::write_npy(path("data.npy"), wider);
  const Finished none = run({"likelihood", "model.safetensors", "data.npy"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_EQ(none.err,
            "scorematch: log-likelihood: expected finite values, got none in any row; row 0 has 0.5 in column 1 (from "
            "0), which was constant at 0.1 in training\n");
}

// Two coordinates for three columns, the last of which is the sum of the others.
TEST_F(CommandLikelihood, RowsThatBreakARelationOfTheColumnsHaveNone) {
  Checkpoint model = gaussian_model({0, 0}, {1, 1});
  model.standardization = {{0, 0, 0}, {1, 1, 1}, {1, 0, 0, 1, 1, 1}};
  model.save(path("model.safetensors"));
  write_file(path("data.csv"), "a,b,sum\n0.5,0.25,0.75\n0.5,0.25,1.5\n1e39,0,1e39\n0.25,0.25,0.5\n");
  const Finished finished = run_well({"likelihood", "model.safetensors", "data.csv", "-o", "values.csv"});
  EXPECT_NE(finished.err.find("warning: 2 of 4 rows have no finite log-likelihood and are left out of the mean: 1, 2 "
                              "(from 0); "),
            std::string::npos)
      << finished.err;
  EXPECT_NE(finished.err.find("row 1 has 0.5 in column 'a', 0 (from 0), where the other columns determine 0.75, as in "
                              "training"),
            std::string::npos)
      << finished.err;
  const std::vector<std::string> lines = lines_of(read_file(path("values.csv")));
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[2], "-inf");
  EXPECT_EQ(lines[3], "-inf");
  for (const std::size_t row : {1u, 4u}) EXPECT_TRUE(std::isfinite(std::atof(lines[row].c_str()))) << lines[row];
}

// Rademacher directions give the trace of a multiple of I exactly, so another seed or fewer rows change nothing here.
TEST_F(CommandLikelihood, TakesDirectionsAndAPartOfTheRows) {
  gaussian_model(kMean, kScale).save(path("model.safetensors"));
  cli::write_npy(path("data.npy"), gaussian_data(50));
  likelihood({"-o", "exact.npy"});
  const std::string out = likelihood({"-o", "values.npy", "-n", "20", "--projections", "2", "--seed", "9"});
  EXPECT_NE(out.find("2-direction divergence"), std::string::npos) << out;
  const cli::Matrix exact = cli::rounded(cli::read_npy(path("exact.npy"))),
                    part = cli::rounded(cli::read_npy(path("values.npy")));
  ASSERT_EQ(part.rows, 20);
  for (std::size_t n = 0; n < 20; ++n) EXPECT_NEAR(part.values[n], exact.values[n], 1e-3);
}

// Both are exact for three columns: all rows of the Hadamard matrix, and a subspace of the whole dimension.
TEST_F(CommandLikelihood, TakesADistributionAndATraceEstimator) {
  gaussian_model(kMean, kScale).save(path("model.safetensors"));
  cli::write_npy(path("data.npy"), gaussian_data(20));
  likelihood({"-o", "exact.npy"});
  const std::string hadamard = likelihood({"-o", "hadamard.npy", "--projections", "4", "--distribution", "hadamard"});
  EXPECT_NE(hadamard.find("4-direction divergence (hutchinson, hadamard)"), std::string::npos) << hadamard;
  const std::string hutch =
      likelihood({"-o", "hutch.npy", "--projections", "9", "--trace-estimator", "hutch_plus_plus"});
  EXPECT_NE(hutch.find("9-direction divergence (hutch_plus_plus, rademacher)"), std::string::npos) << hutch;
  const cli::Matrix exact = cli::rounded(cli::read_npy(path("exact.npy")));
  for (const char* each : {"hadamard.npy", "hutch.npy"}) {
    const cli::Matrix got = cli::rounded(cli::read_npy(path(each)));
    for (std::size_t n = 0; n < 20; ++n) EXPECT_NEAR(got.values[n], exact.values[n], 1e-3) << each;
  }
}

TEST_F(CommandLikelihood, OfAnEnergyNetOnTheReferenceIsTheSame) {
  Checkpoint model = gaussian_model(kMean, kScale);
  cli::write_npy(path("data.npy"), gaussian_data(20));
  model.save(path("model.safetensors"));
  likelihood({"-o", "score.npy"});
  model.net.kind = MlpShape::Kind::energy;
  model.params.assign(static_cast<std::size_t>(model.net.param_count()), 0.0f);
  model.save(path("model.safetensors"));
  likelihood({"-o", "energy.npy", "--engine", "reference"});
  const cli::Matrix a = cli::rounded(cli::read_npy(path("score.npy"))),
                    b = cli::rounded(cli::read_npy(path("energy.npy")));
  for (std::size_t n = 0; n < 20; ++n) EXPECT_NEAR(a.values[n], b.values[n], 1e-3);
}

// Floors of a broad Gaussian. Their probability is nearly its density times the step, so uniform noise loses only the
// variation of the density within a cell, which is of the order of (step / deviation)^2.
TEST_F(CommandLikelihood, OfDataOnAGridIsOfTheirProbability) {
  constexpr double kStep = 2, kDeviation = 50;
  Checkpoint model = gaussian_model({0, 0}, {kDeviation / kSigmaData, kDeviation / kSigmaData});
  model.metadata["data.dequantize"] = "2";
  model.save(path("model.safetensors"));
  const std::vector<double> z = normal_values(2 * 1000, 3);
  cli::Matrix data{1000, 2, {}};
  for (const double each : z) data.values.push_back(static_cast<float>(std::floor(kDeviation * each / kStep) * kStep));
  cli::write_npy(path("data.npy"), data);
  const std::string out = likelihood({"-o", "values.npy"});
  const cli::Matrix values = cli::rounded(cli::read_npy(path("values.npy")));
  std::vector<double> differences;
  for (std::size_t n = 0; n < 1000; ++n) {
    double log_probability = 0;
    for (std::size_t j = 0; j < 2; ++j) {
      const double low = static_cast<double>(data.values[2 * n + j]) / kDeviation, high = low + kStep / kDeviation;
      log_probability += std::log(normal_distribution(high) - normal_distribution(low));
    }
    differences.push_back(static_cast<double>(values.values[n]) - log_probability);
  }
  const Moments m = moments(differences);
  EXPECT_NEAR(m.mean, 0, kSigmas * m.mean_error() + 5e-3);
  EXPECT_LT(kSigmas * m.mean_error(), 0.02);
  const auto [bits, error] = measurement(out, "bits per dim");
  // The entropy of the cells: log2(deviation sqrt(2 pi e) / step)
  EXPECT_NEAR(bits, std::log2(kDeviation * std::sqrt(kTwoPi * std::exp(1.0)) / kStep), kSigmas * error + 0.005);
  EXPECT_NE(out.find("multiples of 2"), std::string::npos) << out;
}

// float32 can hold 1e30 but not its square, and in model units it cannot hold 1e300.
TEST_F(CommandLikelihood, RowsWithoutAValueLeaveTheOthersTheirs) {
  gaussian_model({10, -200}, {4, 0.25f}).save(path("model.safetensors"));
  std::string text = "x,y\n", finite = "x,y\n";
  for (int i = 0; i < 1030; ++i) {  // more than one batch
    const std::string row = std::to_string(8 + i % 5) + "," + std::to_string(-200 + 0.01 * (i % 7)) + "\n";
    text += i == 3 ? "1e30,-200\n" : i == 1025 ? "10,-1e300\n" : row;
    if (i != 3 && i != 1025) finite += row;
  }
  write_file(path("data.csv"), text);
  write_file(path("finite.csv"), finite);
  const Finished finished = run_well({"likelihood", "model.safetensors", "data.csv", "-o", "values.npy"});
  const Finished without = run_well({"likelihood", "model.safetensors", "finite.csv", "-o", "finite.npy"});
  EXPECT_NE(finished.err.find("scorematch: warning: 2 of 1030 rows have no finite log-likelihood"), std::string::npos)
      << finished.err;
  EXPECT_NE(finished.err.find(": 3, 1025 (from 0)"), std::string::npos) << finished.err;
  EXPECT_EQ(without.err, "");
  EXPECT_NE(finished.out.find("(1028 rows)"), std::string::npos) << finished.out;
  EXPECT_EQ(measurement(finished.out, "log-likelihood"), measurement(without.out, "log-likelihood"));
  const cli::Matrix values = read_floats(path("values.npy"));
  ASSERT_EQ(values.rows, 1030);
  for (std::size_t n = 0; n < 1030; ++n) EXPECT_EQ(std::isfinite(values.values[n]), n != 3 && n != 1025) << n;
  const cli::Matrix others = cli::rounded(cli::read_npy(path("finite.npy")));
  EXPECT_EQ(values.values[2], others.values[2]);
  EXPECT_EQ(values.values[4], others.values[3]);
}

// 40 deviations away, the row is 800 nats below the others.
TEST_F(CommandLikelihood, NamesRowsThatDecideTheMean) {
  gaussian_model({0}, {1}).save(path("model.safetensors"));
  std::string text, others;
  const std::vector<double> z = normal_values(200, 3);
  for (std::size_t i = 0; i < z.size(); ++i) {
    const std::string row = std::to_string(kSigmaData * z[i]) + "\n";
    text += i == 7 ? "20\n" : row;
    if (i != 7) others += row;
  }
  write_file(path("data.csv"), text);
  write_file(path("others.csv"), others);
  const Finished finished = run_well({"likelihood", "model.safetensors", "data.csv"}),
                 without = run_well({"likelihood", "model.safetensors", "others.csv"});
  EXPECT_NE(finished.err.find("1 of 200 rows are so far below the others that they decide the mean: 7 (from 0)"),
            std::string::npos)
      << finished.err;
  const std::string label = "log-likelihood  ";
  const std::size_t at = without.out.find(label) + label.size();
  EXPECT_NE(finished.err.find("it is " + without.out.substr(at, without.out.find(" nats", at) - at) + " nats"),
            std::string::npos)
      << finished.err << without.out;
  EXPECT_EQ(without.err, "");
}

TEST_F(CommandLikelihood, AreRefusedWhereNoRowHasOne) {
  gaussian_model({0}, {1}).save(path("model.safetensors"));
  write_file(path("data.csv"), "1e30\n-1e30\n");
  const Finished finished = run({"likelihood", "model.safetensors", "data.csv"});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_NE(finished.err.find("log-likelihood: expected finite values, got none in any row"), std::string::npos);
}

TEST_F(CommandLikelihood, DropsRowsWithMissingValuesOnRequest) {
  gaussian_model({0}, {1}).save(path("model.safetensors"));
  write_file(path("data.csv"), "x\n1\nNA\n0.5\n");
  EXPECT_NE(run({"likelihood", "model.safetensors", "data.csv"}).err.find("line 3, field 1"), std::string::npos);
  const Finished finished =
      run_well({"likelihood", "model.safetensors", "data.csv", "--missing", "drop", "-o", "values.csv"});
  EXPECT_NE(finished.out.find("data            2 x 1, column x, 1 row with missing values dropped"), std::string::npos)
      << finished.out;
  const std::vector<std::string> lines = lines_of(read_file(path("values.csv")));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "log_likelihood");
  const double variance = kSigmaData * kSigmaData + kLow * kLow;
  EXPECT_NEAR(std::atof(lines[1].c_str()), -0.5 / variance - 0.5 * std::log(kTwoPi * variance), 5e-3);
}

struct Misuse {
  const char* name;
  int exit_code;
  Arguments more;
  std::vector<std::string> words;
};

TEST_F(CommandLikelihood, RefusesInOneLineAndWritesNothing) {
  gaussian_model(kMean, kScale).save(path("model.safetensors"));
  Checkpoint other = gaussian_model(kMean, kScale);
  other.metadata = {};
  other.save(path("noiseless.safetensors"));
  other.loss = Loss{Dsm{}, schedule::Single{0.1}};
  other.save(path("single.safetensors"));
  other.loss.reset();
  other.metadata = {{"sigma_min", "0.01"}, {"sigma_max", "20"}, {"data.dequantize", "1"}};
  other.save(path("grid.safetensors"));
  other.net.parameterization = parameterization::Plain{};
  other.save(path("plain.safetensors"));
  cli::write_npy(path("data.npy"), gaussian_data(10));
  cli::write_npy(path("narrow.npy"), {2, 2, {1, 2, 3, 4}});
  write_file(path("text"), "hello");
  const std::string model = "model.safetensors", data = "data.npy";
  const auto with = [&](Arguments more) {
    more.insert(more.begin(), {model, data});
    return more;
  };
  const Misuse misuses[] = {
      {"no model", 2, {}, {"model is required"}},
      {"no data", 2, {model}, {"data is required"}},
      {"no steps", 2, with({"--steps", "0"}), {"--steps", "from 1 to", "got '0'"}},
      {"steps of a word", 2, with({"--steps", "many"}), {"--steps", "whole number", "'many'"}},
      {"directions negative", 2, with({"--projections", "-1"}), {"--projections", "got '-1'"}},
      {"directions past the counter", 2, with({"--projections", "16385"}), {"--projections", "got '16385'"}},
      {"levels in the wrong order",
       2,
       with({"--sigma-min", "3", "--sigma-max", "2"}),
       {"--sigma-min", "at most --sigma-max 2", "got 3"}},
      {"level not a number", 2, with({"--sigma-max", "nan"}), {"--sigma-max", "got 'nan'"}},
      {"prior negative", 2, with({"--prior-deviation", "-1"}), {"--prior-deviation", "got '-1'"}},
      {"engine unknown", 2, with({"--engine", "abacus"}), {"--engine", "abacus"}},
      {"count zero", 2, with({"-n", "0"}), {"--count", "got '0'"}},
      {"level above the model's", 1, with({"--sigma-min", "50"}), {"--sigma-min", "at most", "20", "got 50"}},
      {"count past the data", 1, with({"-n", "11"}), {"--count", "at most the 10 rows", "got 11"}},
      {"missing model", 1, {"none.safetensors", data}, {"none.safetensors", "open"}},
      {"invalid model", 1, {"text", data}, {"text"}},
      {"missing data", 1, {model, "none.npy"}, {"none.npy", "open"}},
      {"data of two columns", 1, {model, "narrow.npy"}, {"DATA", "3 columns", "got 2"}},
      {"model without levels", 1, {"noiseless.safetensors", data}, {"--sigma-min", "a level of noise", "none"}},
      {"model of one level",
       1,
       {"single.safetensors", data},
       {"MODEL", "trained over a range of noise levels", "a single level of noise (sigma 0.1)"}},
      {"levels of too small a range",
       1,
       with({"--sigma-min", "11"}),
       {"--sigma-min", "from sigma-min to twice that or more", "11 to 20"}},
      {"network that ignores sigma", 1, {"plain.safetensors", data}, {"MODEL", "uses sigma", "ignores sigma"}},
      {"data off the grid", 1, {"grid.safetensors", data}, {"DATA", "multiples of --dequantize 1", "row 0"}},
      {"output of another kind", 2, with({"-o", model}), {"--output", ".npy or .csv", model}},
      {"output over the data", 1, with({"-o", data}), {"--output", "otherwise", data}},
      {"output to no folder", 1, with({"-o", "none/out.npy"}), {"none/out.npy", "No such file"}},
  };
  const auto before = listing();
  for (const Misuse& misuse : misuses) {
    SCOPED_TRACE(misuse.name);
    Arguments arguments = misuse.more;
    arguments.insert(arguments.begin(), "likelihood");
    const Finished finished = run(arguments);
    EXPECT_EQ(finished.exit_code, misuse.exit_code) << finished.err;
    EXPECT_EQ(finished.out, "");
    EXPECT_EQ(finished.err.rfind("scorematch: ", 0), 0u) << finished.err;
    EXPECT_EQ(lines_of(finished.err).size(), 1u) << finished.err;
    for (const std::string& word : misuse.words) EXPECT_NE(finished.err.find(word), std::string::npos) << finished.err;
    EXPECT_TRUE(listing() == before);
  }
}

}  // namespace
}  // namespace scorematch::testing_support
