// The cuda engine's kernels and host code against the reference over random shapes, by the criteria of
// agreement_test.cpp: in float every element within the bound that Tracked carries (which for coarser units soon says
// nothing), and in every precision every array's rms error within six of a plain implementation's.
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "simt/engine/stand_in.h"
#include "support/run_problem.h"
#include "support/tracked.h"

namespace scorematch::testing_support {
namespace {

constexpr int kRuns = 16;
constexpr double kMostWork = 2e5;

std::uint64_t fresh_seed() {
  const char* given = std::getenv("SCOREMATCH_TEST_SEED");
  if (given != nullptr) return std::strtoull(given, nullptr, 10);
  return static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
}

struct Criterion {
  double unit;  // roundoff of what is stored and multiplied
  int problems;
};

/// The arrays of one problem. `plain`: of several runs of Noisy, whose errors grow as the unit does.
void expect_agreement(const std::vector<float>& got, const std::vector<Tracked>& want,
                      const std::vector<std::vector<Noisy>>& plain, double unit, const char* name) {
  double error = 0, plain_error = 0, size = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double difference = std::abs(static_cast<double>(got[i]) - want[i].value);
    if (unit == kFloatUnit) {
      EXPECT_LE(difference, want[i].error + unit * std::abs(want[i].value) + 1e-38) << name << " at " << i;
    }
    error += difference * difference;
    for (const auto& run : plain) plain_error += std::pow(run[i].value - want[i].value, 2) / kRuns;
    size += want[i].value * want[i].value;
  }
  const auto rms = [&](double sum) { return std::sqrt(sum / static_cast<double>(got.size())); };
  EXPECT_LE(rms(error), 6 * rms(plain_error) * (unit / kFloatUnit) + 4 * unit * rms(size) + 1e-38) << name;
}

class CudaAgreement : public StandIn {
 protected:
  void sweep(Precision precision, const Criterion& criterion) {
    const std::uint64_t seed = fresh_seed();
    std::cout << "SCOREMATCH_TEST_SEED=" << seed << " repeats this run\n";
    ProblemMaker maker(seed);
    const Engine engine = Engine::cuda();
    for (int k = 0; k < criterion.problems && !HasFailure(); ++k) {
      const Problem p = maker.make(kMostWork);
      SCOPED_TRACE("problem " + std::to_string(k) + ": " + p.describe());
      const RawMemory workspace(std::size_t{48} << 20);
      simt::options.seed = seed + static_cast<std::uint64_t>(k);
      const Outcome<float> got =
          run(engine, p, 0, p.batch, p.batch, {{precision}, workspace.data(), workspace.bytes()}).outcome;
      const auto want = run_templates<Tracked>(p, Tracked::stored);
      std::vector<std::vector<Noisy>> plain[3];
      for (int i = 0; i < kRuns; ++i) {
        auto outcome = run_templates<Noisy>(p, [](double v) { return Noisy(v); });
        plain[0].push_back(std::move(outcome.per_sample));
        plain[1].push_back(std::move(outcome.grad));
        plain[2].push_back(std::move(outcome.grad_x));
      }
      expect_agreement(got.per_sample, want.per_sample, plain[0], criterion.unit, "loss_per_sample");
      expect_agreement(got.grad, want.grad, plain[1], criterion.unit, "grad");
      expect_agreement(got.grad_x, want.grad_x, plain[2], criterion.unit, "grad_x");
    }
  }
};

TEST_F(CudaAgreement, InFloat) { sweep(Precision::fp32, {kFloatUnit, 60}); }
TEST_F(CudaAgreement, InTf32) { sweep(Precision::tf32, {0x1p-11, 30}); }
TEST_F(CudaAgreement, InBfloat16) { sweep(Precision::bf16, {0x1p-8, 40}); }

}  // namespace
}  // namespace scorematch::testing_support
