// Calls each of the main kernels once; the emulator counts their instructions (SCOREMATCH_PTX_COUNTS). The networks are
// 8-64-64-8, for narrow losses 2-64-64-64-2, with 64 samples per multiprocessor of the device, so that each block of a
// fused kernel has one tile.
#include <cmath>
#include <cstdio>
#include <vector>

#include "scorematch/scorematch.h"

namespace {

using namespace scorematch;

constexpr std::int64_t kBatch = 256;  // 64 for each of 4 multiprocessors
constexpr int kDim = 8;

std::vector<float> samples(int dim) {
  std::vector<float> x;
  for (int i = 0; i < static_cast<int>(kBatch) * dim; ++i) x.push_back(static_cast<float>(std::sin(0.7 * i)));
  return x;
}

MlpShape network(MlpShape::Kind kind, bool narrow) {
  MlpShape net = narrow ? MlpShape::score(2, {64, 64, 64}) : MlpShape::score(kDim, {64, 64});
  net.kind = kind;
  net.parameterization = parameterization::Edm{};
  return net;
}

void run_loss(const Engine& engine, MlpShape::Kind kind, const Objective& objective, Compute compute) {
  const MlpShape net = network(kind, compute.route == Route::narrow);
  const LossPlan plan(engine, net, Loss{objective, schedule::LogNormal{}, weighting::Edm{}}, kBatch, compute);
  Queue queue(engine, plan.workspace_bytes());
  const auto params = engine.upload(net.initial_params(3, Initialization::torch)),
             x = engine.upload(samples(net.dim), {kBatch, net.dim});
  const NoiseState noise(engine, 5);
  auto grad = engine.allocate<float>(net.param_count());
  auto estimate = engine.allocate<Estimate>();
  plan.run(queue, {params, {x, noise}}, {estimate.data(), grad});
  std::printf("%s\nloss %.6g\n", plan.report(kBatch).text.c_str(), queue.read_one(estimate).mean);
}

void run_score(const Engine& engine, MlpShape::Kind kind, Compute compute) {
  const MlpShape net = network(kind, false);
  const ScorePlan plan(engine, net, kBatch, 0, Projection::rademacher, compute);
  Queue queue(engine, plan.workspace_bytes());
  const auto params = engine.upload(net.initial_params(3, Initialization::torch)),
             x = engine.upload(samples(kDim), {kBatch, kDim});
  const auto sigma = engine.upload(std::vector<float>(1, 0.5f));
  auto score = engine.allocate<float>(kBatch * kDim);
  plan.run(queue, {params, {x, {}, sigma}}, {View(score.data(), {kBatch, kDim})});
  std::printf("%s\nscore %.6g\n", plan.report(kBatch).text.c_str(), static_cast<double>(queue.read(score)[0]));
}

}  // namespace

int main() {
  const Engine engine = Engine::cuda();
  for (const Precision precision : {Precision::bf16, Precision::fp32}) {
    run_loss(engine, MlpShape::Kind::score, Dsm{}, {precision, Route::fused});
    run_score(engine, MlpShape::Kind::score, {precision, Route::fused});
    run_loss(engine, MlpShape::Kind::score, Ssm{2, Projection::rademacher}, {precision, Route::layered});
    run_score(engine, MlpShape::Kind::score, {precision, Route::layered});
  }
  run_loss(engine, MlpShape::Kind::score, Dsm{}, {Precision::bf16, Route::narrow});
  run_score(engine, MlpShape::Kind::score, {Precision::bf16, Route::narrow});
  run_loss(engine, MlpShape::Kind::energy, Dsm{}, {Precision::fp32, Route::layered});
}
