// `scorematch eval` against the golden cases, and `scorematch info`.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "formats/safetensors.h"
#include "support/arrays.h"
#include "support/command.h"

namespace scorematch::testing_support {
namespace {

class CommandEval : public CommandTest, public testing::WithParamInterface<std::string> {
 protected:
  static std::string golden(const std::string& suffix = "") {
    return std::string(SCOREMATCH_TEST_DATA) + "/golden/cases/" + GetParam() + suffix + ".safetensors";
  }

  /// Expects every tensor of out.safetensors to be within `tolerance` times its largest value.
  void expect_golden(double tolerance, bool in_double) const {
    const SafetensorsFile expected = read_safetensors(golden(".expected"));
    const SafetensorsFile got = read_safetensors(path("out.safetensors"));
    EXPECT_EQ(got.tensors.size(), expected.tensors.size());
    for (const auto& [name, tensor] : expected.tensors) {
      SCOPED_TRACE(name);
      ASSERT_EQ(got.tensors.count(name), 1u);
      const Tensor& found = got.tensors.at(name);
      ASSERT_EQ(found.shape, tensor.shape);
      EXPECT_EQ(found.is_double(), in_double);
      const std::vector<double> want = tensor.as_double(), have = found.as_double();
      double most = 0;
      for (const double each : want) most = std::max(most, std::abs(each));
      for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(have[i], want[i], tolerance * most) << i;
    }
  }
};

TEST_P(CommandEval, EqualsTheGoldenCase) {
  const Finished finished = run_well({"eval", golden(), "--engine", "reference", "-o", "out.safetensors"});
  expect_golden(1e-9, true);
  EXPECT_EQ(finished.out.rfind("loss ", 0), 0u) << finished.out;
  const std::vector<std::string> engines = engine_names();
  if (std::find(engines.begin(), engines.end(), "cpu") == engines.end()) return;
  run_well({"eval", golden(), "--engine", "cpu", "-o", "out.safetensors"});
  // 2^-24 times the roundings of a value, about a hundred in these small networks, and cancellation.
  expect_golden(1e-4, false);
  EXPECT_EQ(listing().size(), 1u);
}

class CommandEvalInputs : public CommandTest {};

TEST_F(CommandEvalInputs, AreSearchedForWhatIsNotFinite) {
  const std::string name = std::string(SCOREMATCH_TEST_DATA) + "/golden/cases/dsm-silu-edm-fourier.safetensors";
  EXPECT_EQ(run_well({"eval", name, "-o", "out.safetensors"}).err, "");
  SafetensorsFile file = read_safetensors(name);
  std::vector<double> x = file.tensors.at("x").as_double(), bias = file.tensors.at("layers.0.bias").as_double();
  x[0] = x[2] = std::nan("");
  x[1] = bias[0] = HUGE_VAL;
  file.tensors.at("x").values = x;
  file.tensors.at("layers.0.bias").values = bias;
  write_safetensors(path("case.safetensors"), file);
  const Finished finished = run_well({"eval", "case.safetensors", "-o", "out.safetensors"});
  const std::vector<std::string> lines = lines_of(finished.err);
  ASSERT_EQ(lines.size(), 2u) << finished.err;
  EXPECT_EQ(lines[0], "scorematch: warning: case.safetensors: tensor 'layers.0.bias': 0 NaN and 1 infinite of " +
                          std::to_string(bias.size()) + " values");
  EXPECT_EQ(lines[1], "scorematch: warning: case.safetensors: tensor 'x': 2 NaN and 1 infinite of " +
                          std::to_string(x.size()) + " values");
  EXPECT_EQ(run({"compare", "case.safetensors", "--engines", "reference,cpu"}).err, finished.err);
}

INSTANTIATE_TEST_SUITE_P(Cases, CommandEval,
                         testing::Values("dsm-silu-edm-fourier", "dsm-softplus-plain-none", "esm-tanh-ncsn-log_sigma",
                                         "ism-gelu-noise-fourier", "ism-tanh-plain-none", "ssm-silu-edm-log_sigma",
                                         "ssm_vr-softplus-noise-fourier", "ssm_vr-gelu-edm-none",
                                         "energy-dsm-silu-edm-fourier", "energy-ism-gelu-ncsn-none",
                                         "energy-ssm-tanh-noise-log_sigma", "energy-ssm_vr-softplus-edm-fourier"),
                         [](const testing::TestParamInfo<std::string>& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

/// The numbers in the line of an output in the table of `compare`.
std::vector<double> table_row(const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first;
    std::vector<double> values;
    if (!(words >> first) || first != name) continue;
    for (double each; words >> each;) values.push_back(each);
    return values;
  }
  return {};
}

TEST_P(CommandEval, ComparedEnginesAgree) {
  const Finished same = run_well({"compare", golden(), "--engines", "reference,cpu", "--tolerance", "1e-4"});
  for (const std::string name : {"loss", "loss_per_sample", "score", "grad.x", "grad.layers.0.weight"}) {
    const std::vector<double> row = table_row(same.out, name);
    ASSERT_EQ(row.size(), 2u) << same.out;
    EXPECT_LE(row[0], 1e-4);
    EXPECT_LE(row[1], 1e-3);
  }
  EXPECT_GT(table_row(same.out, "loss_per_sample")[0] + table_row(same.out, "score")[0],
            0);  // float32 differs from double
  const Finished apart = run({"compare", golden(), "--engines", "cpu,reference", "--tolerance", "1e-12"});
  EXPECT_EQ(apart.exit_code, 1);
  EXPECT_NE(apart.err.find("expected at most 1e-12, got "), std::string::npos) << apart.err;
  EXPECT_TRUE(listing().empty());
}

class CommandInfo : public CommandTest {};

TEST_F(CommandInfo, AutoNamesWhatItPassedOverWithThreadsToo) {
  const Finished finished =
      run_well({"eval", std::string(SCOREMATCH_TEST_DATA) + "/golden/cases/dsm-softplus-plain-none.safetensors",
                "--threads", "2", "-o", "out.safetensors"});
  const Engine best = Engine::best(2);
  EXPECT_NE(finished.out.find(best.description()), std::string::npos) << finished.out;
  if (best.kind() != Engine::Kind::cpu) return;
  EXPECT_EQ(best.description().rfind("cpu: 2 threads", 0), 0u) << best.description();
  EXPECT_NE(best.description().find(" (cuda: "), std::string::npos) << best.description();
}

TEST_F(CommandInfo, NamesTheVersionTheEnginesAndTheProcessor) {
  const Finished finished = run_well({"info"});
  for (const std::string word :
       {"scorematch 0.", "processor\n", "engines\n", "  cuda ", "  cpu ", "  reference ", "auto"})
    EXPECT_NE(finished.out.find(word), std::string::npos) << word << "\n" << finished.out;
  EXPECT_EQ(finished.err, "");
}

TEST_F(CommandInfo, HelpAndVersionAreNoErrors) {
  for (const Arguments& arguments : {Arguments{"--help"}, {"train", "--help"}, {"sample", "--help"}, {"eval", "-h"}}) {
    const Finished finished = run_well(arguments);
    EXPECT_NE(finished.out.find("Usage:"), std::string::npos) << finished.out;
    EXPECT_EQ(finished.err, "");
  }
  EXPECT_EQ(run_well({"--version"}).out.rfind("scorematch 0.", 0), 0u);
}

}  // namespace
}  // namespace scorematch::testing_support
