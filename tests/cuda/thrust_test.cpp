// scorematch/thrust.h with Thrust's host system, where device_vector is memory of the host, on the cpu engine.
#include "scorematch/thrust.h"

#include <gtest/gtest.h>
#include <thrust/host_vector.h>
#include <thrust/reduce.h>
#include <thrust/transform.h>

#include <cmath>
#include <functional>
#include <vector>

#include "scorematch/loss.h"
#include "support/refusal.h"

namespace scorematch {
namespace {

static_assert(std::is_same_v<decltype(view_of(std::declval<thrust::device_vector<float>&>())), View>);
static_assert(std::is_same_v<decltype(view_of(std::declval<const thrust::device_vector<double>&>())), ConstView>);

TEST(Thrust, VectorsAreViewsOfTheirMemory) {
  thrust::device_vector<float> floats(6);
  thrust::universal_vector<double> doubles(6);
  const thrust::host_vector<std::int64_t> integers(6);
  const View a = view_of(floats, {3, 2}), b = view_of(doubles);
  const ConstView c = view_of(integers);
  EXPECT_EQ(a.data, thrust::raw_pointer_cast(floats.data()));
  EXPECT_EQ(a.dtype, DType::f32);
  EXPECT_EQ(a.shape.rank, 2);
  EXPECT_EQ(a.stride[0], 2);
  EXPECT_EQ(b.data, thrust::raw_pointer_cast(doubles.data()));
  EXPECT_EQ(b.dtype, DType::f64);
  EXPECT_EQ(b.shape.extent[0], 6);
  EXPECT_EQ(c.data, integers.data());
  EXPECT_EQ(c.dtype, DType::i64);
  test::expect_refused({"shape", "6 elements, as the vector has, got 8", "8"}, [&] { view_of(floats, {4, 2}); });
}

TEST(Thrust, LossesAndGradientsOfVectors) {
  constexpr std::int64_t kBatch = 40;
  const Engine engine = Engine::cpu(1);
  const MlpShape net = MlpShape::score(2, {8});
  const LossPlan plan(engine, net, {Dsm{}, schedule::Single{0.5}}, kBatch);
  Queue queue(engine, plan.workspace_bytes());
  const NoiseState noise(engine, 3);
  const std::vector<float> params = net.initial_params(1, Initialization::torch);
  std::vector<float> x;
  for (std::int64_t i = 0; i < 2 * kBatch; ++i) x.push_back(std::sin(static_cast<float>(i)));

  const auto params_buffer = engine.upload(params), x_buffer = engine.upload(x, {kBatch, 2});
  auto grad_buffer = engine.allocate<float>(net.param_count()), per_sample = engine.allocate<float>(kBatch);
  auto loss = engine.allocate<Estimate>();
  plan.run(queue, {params_buffer, {x_buffer, noise}}, {loss, grad_buffer, {}, per_sample});

  const thrust::device_vector<float> params_vector = params;
  const thrust::universal_vector<float> x_vector(x.begin(), x.end());
  thrust::device_vector<float> grad_vector(params.size());
  plan.run(queue, {view_of(params_vector), {view_of(x_vector, {kBatch, 2}), noise}}, {{}, view_of(grad_vector)});
  const std::vector<float> expected = queue.read(grad_buffer);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(grad_vector[i], expected[i]) << i;

  const auto losses = range_of(per_sample);
  EXPECT_EQ(losses.size(), kBatch);
  EXPECT_NEAR(thrust::reduce(losses.begin(), losses.end(), 0.0) / static_cast<double>(kBatch),
              queue.read_one(loss).mean, 1e-6);
  EXPECT_EQ(static_cast<Estimate>(*range_of(loss).begin()).count, kBatch);
}

TEST(Thrust, AlgorithmsWriteToBuffers) {
  const Engine engine = Engine::cpu(1);
  auto buffer = engine.upload(std::vector<float>{1, 2, 3, 4, 5, 6}, {3, 2});
  const auto range = range_of<float>(View(buffer).samples(1, 2));
  thrust::transform(range.begin(), range.end(), range.begin(), std::negate<float>());
  EXPECT_EQ(Queue(engine, 0).read(buffer), (std::vector<float>{1, 2, -3, -4, -5, -6}));
  const auto& constant = buffer;
  const auto all = range_of(constant);
  EXPECT_EQ(thrust::reduce(all.begin(), all.end()), -15.0f);
}

TEST(Thrust, RangesRefuseGapsAndOtherTypes) {
  const Engine engine = Engine::reference();
  auto table = engine.allocate<float>({4, 3});
  auto doubles = engine.allocate<double>({4, 3});
  const View columns = View(table.data(), {4, 2}).with_row_stride(3);
  test::expect_refused({"view", "a stride of 2 elements along axis 0, without gaps, got 3", "3"},
                       [&] { range_of<float>(columns); });
  test::expect_refused({"view", "float32, got float64", "float64"}, [&] { range_of<float>(View(doubles)); });
  EXPECT_EQ(range_of<double>(ConstView(doubles)).size(), 12);
  EXPECT_EQ(range_of<float>(View(table).samples(3, 1)).size(), 3);
}

}  // namespace
}  // namespace scorematch
