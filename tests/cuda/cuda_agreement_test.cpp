// The cuda engine against the reference over random shapes, in every precision.
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "cuda/cuda_fixture.h"
#include "support/agreement.h"

namespace scorematch::testing_support {
namespace {

/// With fewer problems the fraction of loose limits would depend on chance.
int problem_count() { return amount(250, 400); }
double most_work_of_a_problem() { return amount(kOnStandIn ? 2e5 : 5e4, 1.5e6); }

/// A fresh seed for every run, or the given one to repeat a run.
std::uint64_t fresh_seed() {
  const char* given = std::getenv("SCOREMATCH_TEST_SEED");
  if (given != nullptr) return std::strtoull(given, nullptr, 10);
  return static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
}

class CudaAgreement : public CudaTest {
 protected:
  static void sweep(Precision precision, MlpShape::Kind kind = MlpShape::Kind::score, int problems = problem_count(),
                    double most_work = most_work_of_a_problem()) {
    const std::uint64_t seed = fresh_seed();
    std::cout << "SCOREMATCH_TEST_SEED=" << seed << " repeats this run\n";
    ProblemMaker maker(seed);
    const Engine engine = Engine::cuda();
    const RawMemory workspace(std::size_t{96} << 20);
    Tally tally;
    for (int k = 0; k < problems && !HasFailure(); ++k) {
      Problem p = maker.make(most_work, kind);
      if (k % 4 == 3) maker.add_context(p);
      SCOPED_TRACE("problem " + std::to_string(k) + ": " + p.describe());
      draw_schedule(seed + static_cast<std::uint64_t>(k));
      choose_rounding(static_cast<std::uint64_t>(k) / 2);
      // With a free choice, narrow networks take the fused route.
      const Route route = k % 2 == 0 ? Route::automatic : Route::layered;
      expect_agreement(p,
                       run(engine, p, 0, p.batch, p.batch, {{precision, route}, workspace.data(), workspace.bytes()}),
                       precision, &tally);
    }
    std::cout << tally.loose << " of " << tally.arrays << " arrays have a loose limit\n";
    EXPECT_LE(tally.loose, Tally::most_loose(precision, kind) * tally.arrays);
  }
};

TEST_F(CudaAgreement, InFloat) { sweep(Precision::fp32); }
TEST_F(CudaAgreement, InTf32) { sweep(Precision::tf32); }
TEST_F(CudaAgreement, InBfloat16) { sweep(Precision::bf16); }

/// The reference templates pass through an energy net several times per direction.
class CudaEnergyAgreement : public CudaAgreement {
 protected:
  static void sweep_energy(Precision precision) {
    sweep(precision, MlpShape::Kind::energy, problem_count() * 2 / 5, most_work_of_a_problem() / 4);
  }
};

TEST_F(CudaEnergyAgreement, InFloat) { sweep_energy(Precision::fp32); }
TEST_F(CudaEnergyAgreement, InTf32) { sweep_energy(Precision::tf32); }
TEST_F(CudaEnergyAgreement, InBfloat16) { sweep_energy(Precision::bf16); }

}  // namespace
}  // namespace scorematch::testing_support
