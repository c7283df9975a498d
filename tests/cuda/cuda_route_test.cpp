// Agreement with the reference, one test per route, precision, kind of network and objective: a failure names the
// combination. cuda_agreement_test.cpp covers random shapes.
#include <string>
#include <tuple>

#include "cuda/cuda_fixture.h"
#include "support/agreement.h"

namespace scorematch::testing_support {
namespace {

struct Way {
  const char* name;
  MlpShape::Kind kind;
  Compute compute;
};
constexpr Way kWays[] = {
    {"fused_fp32", MlpShape::Kind::score, {Precision::fp32, Route::fused}},
    {"fused_bf16", MlpShape::Kind::score, {Precision::bf16, Route::fused}},
    {"layered_fp32", MlpShape::Kind::score, {Precision::fp32, Route::layered}},
    {"layered_tf32", MlpShape::Kind::score, {Precision::tf32, Route::layered}},
    {"layered_bf16", MlpShape::Kind::score, {Precision::bf16, Route::layered}},
    {"energy_fp32", MlpShape::Kind::energy, {Precision::fp32, Route::layered}},
    {"energy_tf32", MlpShape::Kind::energy, {Precision::tf32, Route::layered}},
    {"energy_bf16", MlpShape::Kind::energy, {Precision::bf16, Route::layered}},
};

struct Goal {
  const char* name;
  Objective objective;
};
const Goal kGoals[] = {{"esm", Esm{}}, {"ism", Ism{}}, {"dsm", Dsm{}}, {"ssm", Ssm{3}}, {"ssm_vr", SsmVr{3}}};

using Case = std::tuple<Way, Goal>;

class CudaRoute : public CudaTest, public testing::WithParamInterface<Case> {};

TEST_P(CudaRoute, Agrees) {
  const auto& [way, goal] = GetParam();
  Problem p;
  p.net = MlpShape::score(5, {40, 40}, Activation::silu);
  p.net.kind = way.kind;
  p.net.conditioning = conditioning::LogSigma{};
  p.loss = {goal.objective, {}, weighting::Sigma2{}};
  p.batch = amount(20, 200);
  p.perturbed = true;
  ProblemMaker(1).fill(p);
  expect_agreement(p, run(Engine::cuda(), p, 0, p.batch, p.batch, {way.compute}), way.compute.precision);
}

INSTANTIATE_TEST_SUITE_P(Of, CudaRoute, testing::Combine(testing::ValuesIn(kWays), testing::ValuesIn(kGoals)),
                         [](const testing::TestParamInfo<Case>& info) {
                           return std::string(std::get<Way>(info.param).name) + "_" + std::get<Goal>(info.param).name;
                         });

}  // namespace
}  // namespace scorematch::testing_support
