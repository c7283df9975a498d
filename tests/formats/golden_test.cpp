// Every engine against float64 autograd: the cases in golden/cases, which make_golden.py writes with PyTorch.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "cli/models/eval_case.h"
#include "scorematch/error.h"

namespace scorematch {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> case_paths() {
  std::vector<std::string> paths;
  for (const auto& entry : fs::directory_iterator(std::string(SCOREMATCH_TEST_DATA) + "/golden/cases")) {
    const std::string path = entry.path().string();
    if (path.find(".expected.") == std::string::npos) paths.push_back(path);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string expected_path(const std::string& path) { return path.substr(0, path.rfind('.')) + ".expected.safetensors"; }

double largest(const std::vector<double>& values) {
  double most = 0;
  for (const double each : values) most = std::max(most, std::abs(each));
  return most;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, ReferenceAgreesTo1em9) {
  const SafetensorsFile expected = read_safetensors(expected_path(GetParam()));
  const SafetensorsFile got = cli::evaluate_case(Engine::reference(), GetParam(), read_safetensors(GetParam()));
  for (const auto& [name, tensor] : expected.tensors) {
    SCOPED_TRACE(name);
    const auto found = got.tensors.find(name);
    ASSERT_NE(found, got.tensors.end());
    ASSERT_EQ(found->second.shape, tensor.shape);
    ASSERT_TRUE(found->second.is_double());
    const std::vector<double> want = tensor.as_double(), have = found->second.as_double();
    double tolerance = 1e-9 * largest(want);
    // If all losses are equal, the standard error is only the rounding of their mean.
    if (name == "standard_error")
      tolerance += 16 * 0x1p-53 * largest(expected.tensors.at("loss_per_sample").as_double());
    for (std::size_t i = 0; i < want.size(); ++i) {
      if (std::isnan(want[i])) {
        EXPECT_TRUE(std::isnan(have[i])) << i;
      } else {
        EXPECT_NEAR(have[i], want[i], tolerance) << i;
      }
    }
  }
  EXPECT_EQ(got.tensors.size(), expected.tensors.size());
}

std::string name_of(const testing::TestParamInfo<std::string>& info) {
  std::string name = fs::path(info.param).stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, Golden, testing::ValuesIn(case_paths()), name_of);

TEST(GoldenCases, CoverEveryCombination) { EXPECT_EQ(case_paths().size(), 2u * 5 * (4 * 4 * 3 + 3 + 5)); }

}  // namespace
}  // namespace scorematch
