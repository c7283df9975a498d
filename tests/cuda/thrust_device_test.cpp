// scorematch/thrust.h on the device.
#include <cmath>

#include "cuda/cuda_fixture.h"
#include "cuda/thrust_cases.h"

namespace scorematch::testing_support {
namespace {

class ThrustOnTheDevice : public CudaTest {};

TEST_F(ThrustOnTheDevice, VectorsAreArraysOfTheEngine) {
  constexpr std::int64_t kBatch = 40;
  const Engine engine = Engine::cuda();
  const MlpShape net = MlpShape::score(2, {8});
  const LossPlan plan(engine, net, {Dsm{}, schedule::Single{0.5}}, kBatch);
  const Stream stream;
  Queue queue(engine, plan.workspace_bytes(), stream.get());
  const NoiseState noise(engine, 3);
  const std::vector<float> params = net.initial_params(1, Initialization::torch);
  std::vector<float> x;
  for (std::int64_t i = 0; i < 2 * kBatch; ++i) x.push_back(std::sin(static_cast<float>(i)));

  const auto params_buffer = engine.upload(params), x_buffer = engine.upload(x, {kBatch, 2});
  auto grad = engine.allocate<float>(net.param_count());
  auto loss = engine.allocate<Estimate>();
  plan.run(queue, {params_buffer, {x_buffer, noise}}, {loss, grad});

  const ThrustResult result = loss_of_vectors(engine, plan, queue, params, x, kBatch, noise);
  EXPECT_EQ(result.grad, queue.read(grad));
  EXPECT_NEAR(result.mean_of_losses, queue.read_one(loss).mean, 1e-5);
  EXPECT_TRUE(result.sees_sum);
}

}  // namespace
}  // namespace scorematch::testing_support
