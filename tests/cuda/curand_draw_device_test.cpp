// scorematch/curand.h on the device: eps and directions of a cuRAND generator, and losses with them.
#include <algorithm>
#include <cmath>
#include <set>

#include "cuda/cuda_fixture.h"
#include "cuda/curand_draw_cases.h"
#include "scorematch/curand.h"
#include "scorematch/loss.h"
#include "support/refusal.h"

namespace scorematch::testing_support {
namespace {

constexpr std::int64_t kDirections = 3, kRows = 500;

class CurandDraws : public CudaTest {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    if (IsSkipped()) return;
    check_curand(curandCreateGenerator(&generator_, CURAND_RNG_PSEUDO_PHILOX4_32_10), "making a generator");
    check_curand(curandSetPseudoRandomGeneratorSeed(generator_, 5), "seeding a generator");
  }
  void TearDown() override {
    if (generator_ != nullptr) curandDestroyGenerator(generator_);
  }

  /// [kDirections, kRows, dim]
  std::vector<float> directions(Projection distribution, int dim) {
    const Engine engine = Engine::cuda();
    const Stream stream;
    Queue queue(engine, 0, stream.get());
    auto drawn = engine.allocate<float>({kDirections, kRows, dim});
    draw_directions_by_curand(queue, generator_, distribution, drawn);
    return queue.read(drawn);
  }

  /// E v v^T = I, within five standard deviations, whatever the distribution: components vary by at most 3.
  static void expect_identity(const std::vector<float>& v, int dim) {
    const double rows = static_cast<double>(v.size()) / dim, tolerance = 5 * std::sqrt(3 / rows);
    for (int i = 0; i < dim; ++i)
      for (int j = 0; j <= i; ++j) {
        double sum = 0;
        for (std::size_t at = 0; at < v.size(); at += static_cast<std::size_t>(dim))
          sum += static_cast<double>(v[at + static_cast<std::size_t>(i)] * v[at + static_cast<std::size_t>(j)]);
        EXPECT_NEAR(sum / rows, i == j ? 1 : 0, tolerance) << i << ", " << j;
      }
  }

  curandGenerator_t generator_ = nullptr;
};

TEST_F(CurandDraws, GaussianDirections) { expect_identity(directions(Projection::gaussian, 4), 4); }

TEST_F(CurandDraws, SignsWithTheFrequencyOfACoin) {
  const std::vector<float> v = directions(Projection::rademacher, 3);  // an odd number of elements
  EXPECT_EQ(std::set<float>(v.begin(), v.end()), (std::set<float>{-1, 1}));
  const double plus = static_cast<double>(std::count(v.begin(), v.end(), 1.0f)), count = static_cast<double>(v.size());
  EXPECT_NEAR(plus / count, 0.5, 5 * 0.5 / std::sqrt(count));
  expect_identity(v, 3);
}

TEST_F(CurandDraws, DirectionsOnTheSphere) {
  for (const int dim : {2, 70}) {  // fewer elements than lanes, and more
    const std::vector<float> v = directions(Projection::sphere, dim);
    for (std::size_t row = 0; row < v.size(); row += static_cast<std::size_t>(dim)) {
      double squares = 0;
      for (std::size_t i = row; i < row + static_cast<std::size_t>(dim); ++i)
        squares += static_cast<double>(v[i]) * static_cast<double>(v[i]);
      ASSERT_NEAR(squares, dim, 1e-5 * dim) << "row " << row / static_cast<std::size_t>(dim);
    }
    if (dim == 2) expect_identity(v, dim);
  }
}

/// The engine computes with them what the reference engine does.
TEST_F(CurandDraws, AreTheNoiseOfALoss) {
  const int dim = 4;
  const Engine engine = Engine::cuda(), reference = Engine::reference();
  const MlpShape net = MlpShape::score(dim, {8});
  const Loss loss{SsmVr{static_cast<int>(kDirections)}, schedule::Single{0.5}};
  std::vector<float> x, eps_read, directions_read;
  for (std::int64_t i = 0; i < kRows * dim; ++i) x.push_back(std::sin(static_cast<float>(i)));
  const auto mean = [&](const Engine& each, auto get_noise) {
    const LossPlan plan(each, net, loss, kRows);
    Queue queue(each, plan.workspace_bytes());
    const auto params = each.upload(net.initial_params(1, Initialization::torch)), data = each.upload(x, {kRows, dim});
    auto eps = each.allocate<float>({kRows, dim}), v = each.allocate<float>({kDirections, kRows, dim});
    auto out = each.allocate<Estimate>();
    get_noise(queue, View(eps), View(v));
    Batch batch{data};
    batch.eps = eps, batch.directions = v;
    plan.run(queue, {params, batch}, {out.data()});
    return queue.read_one(out).mean;
  };
  const double ours = mean(engine, [&](Queue& queue, const View& eps, const View& v) {
    draw_eps(queue, generator_, eps);
    draw_directions_by_curand(queue, generator_, Projection::gaussian, v);
    eps_read = queue.read_f32(eps), directions_read = queue.read_f32(v);
  });
  expect_identity(eps_read, dim);
  const double exact = mean(reference, [&](Queue& queue, const View& eps, const View& v) {
    queue.write(eps, eps_read.data());
    queue.write(v, directions_read.data());
  });
  EXPECT_NEAR(ours, exact, 1e-4 * std::abs(exact));
}

TEST_F(CurandDraws, RefusalsNameTheArgument) {
  const Engine engine = Engine::cuda();
  const Stream stream;
  Queue queue(engine, 0, stream.get());
  auto drawn = engine.allocate<float>({5, 3});
  test::expect_refused({"eps", "", "15; give part of a larger array"}, [&] { draw_eps(queue, generator_, drawn); });
  test::expect_refused({"directions", "", "15"},
                       [&] { draw_directions_by_curand(queue, generator_, Projection::sphere, drawn); });
  test::expect_refused({"directions", "[M, N, d] or [N, d], got 1 axes", "1 axes"}, [&] {
    draw_directions_by_curand(queue, generator_, Projection::sphere, View(drawn.data(), 14));
  });
  test::expect_refused({"eps", "a stride of 2", ""}, [&] {
    draw_eps(queue, generator_, View(drawn.data(), {5, 2}).with_row_stride(3));
  });
  const Graph recorded(stream, [&] {
    test::expect_refused({"queue.stream", "a stream that is not being captured", ""},
                         [&] { draw_eps(queue, generator_, drawn); });
  });
}

}  // namespace
}  // namespace scorematch::testing_support
