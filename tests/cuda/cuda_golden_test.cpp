// The cuda engine against float64 autograd: every case of golden/cases, score nets and energy nets.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "cli/models/eval_case.h"
#include "cuda/cuda_fixture.h"

namespace scorematch::testing_support {
namespace {

namespace fs = std::filesystem;

class CudaGolden : public CudaTest {
 protected:
  /// Expects every output within `tolerance` of its largest value.
  static void expect_golden(const Engine& engine, const std::string& kind, double tolerance) {
    int cases = 0;
    for (const auto& entry : fs::directory_iterator(std::string(SCOREMATCH_TEST_DATA) + "/golden/cases")) {
      const fs::path path = entry.path();
      if (path.string().find(".expected.") != std::string::npos) continue;
      if ((path.filename().string().rfind("energy-", 0) == 0) != (kind == "energy")) continue;
      SCOPED_TRACE(path.filename().string());
      choose_rounding(static_cast<std::uint64_t>(cases++));
      const SafetensorsFile expected =
          read_safetensors((path.parent_path() / path.stem()).string() + ".expected.safetensors");
      const SafetensorsFile got = cli::evaluate_case(engine, path.string(), read_safetensors(path.string()));
      EXPECT_EQ(got.tensors.size(), expected.tensors.size());
      for (const auto& [name, tensor] : expected.tensors) {
        ASSERT_EQ(got.tensors.count(name), 1u) << name;
        const std::vector<double> want = tensor.as_double(), have = got.tensors.at(name).as_double();
        ASSERT_EQ(have.size(), want.size()) << name;
        // If all losses are equal, the standard error is only the rounding error of their mean.
        const std::string sized_by = name == "standard_error" ? "loss_per_sample" : name;
        double most = 0;
        for (const double each : expected.tensors.at(sized_by).as_double()) most = std::max(most, std::abs(each));
        for (std::size_t i = 0; i < want.size(); ++i) {
          if (std::isnan(want[i])) continue;  // the standard error of one sample
          ASSERT_NEAR(have[i], want[i], tolerance * most) << name << " at " << i;
        }
      }
    }
    EXPECT_EQ(cases, 5 * (4 * 4 * 3 + 3 + 5));
  }
};

// 2^-24 times the number of roundings of a value, about a hundred in these small networks, and cancellation.
TEST_F(CudaGolden, ScoreNetsAgree) { expect_golden(Engine::cuda(), "score", 1e-4); }
TEST_F(CudaGolden, EnergyNetsAgree) { expect_golden(Engine::cuda(), "energy", 1e-4); }

}  // namespace
}  // namespace scorematch::testing_support
