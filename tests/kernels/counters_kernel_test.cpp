// Operation counts of the kernels: the barriers per block match the formulas, in every schedule.
#include <algorithm>

#include "kernels/random_case.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr std::uint64_t kTree = 8;  // barriers of a tree over 256 threads

/// The number of blocks of a sum over rows.
std::uint64_t column_blocks(std::int64_t rows, int width) {
  return static_cast<std::uint64_t>((rows + 255) / 256 * ((width + 127) / 128));
}

void sums_of_columns(std::uint64_t seed) {
  RandomCase random(seed);
  const std::int64_t rows = random.integer(1, 700);
  const int width = 8 * random.integer(1, 40);
  const auto blocks = static_cast<std::size_t>(column_sum_blocks(rows));
  const DeviceArray<float> a(random.normals(rows * width)), partial(blocks * static_cast<std::size_t>(width));
  ASSERT_EQ(launch_column_sums({rows, width, a.data(), partial.data()}, Element::f32, nullptr), 0);
  EXPECT_EQ(simt::session().barriers, column_blocks(rows, width));
}

void jets(std::uint64_t seed) {
  RandomCase random(seed);
  JetBackwardParams p;
  p.rows = random.integer(1, 300), p.width = 8 * random.integer(1, 20);
  p.first_channel = random.integer(0, 1), p.channels = 2;
  const std::int64_t plane = p.rows * p.width;
  const DeviceArray<float> z(random.normals(2 * plane)), grad_h(random.normals(2 * plane)),
      bias(random.normals(p.width)), grad_z(static_cast<std::size_t>(2 * plane)),
      curvature(static_cast<std::size_t>(plane)),
      partial(static_cast<std::size_t>(column_sum_blocks(p.rows) * p.width));
  p.z = z.data(), p.bias = bias.data(), p.grad_h = grad_h.data(), p.grad_z = grad_z.data();
  p.curvature = curvature.data(), p.bias_partial = partial.data();
  ASSERT_EQ(launch_jet_backward(p, Element::f32, nullptr), 0);
  EXPECT_EQ(simt::session().barriers, p.first_channel == 0 ? column_blocks(p.rows, p.width) : 0);
}

void estimates(std::uint64_t seed) {
  RandomCase random(seed);
  const std::int64_t batch = random.integer(1, 1000);
  const DeviceArray<float> loss(random.normals(batch));
  const DeviceArray<EstimateRecord> estimate(1);
  ASSERT_EQ(launch_estimate(loss.data(), batch, false, estimate.data(), nullptr, nullptr), 0);
  EXPECT_EQ(simt::session().barriers, 1U);  // between the sums of the threads and the merge in the first warp
}

void adam_steps(std::uint64_t seed) {
  RandomCase random(seed);
  const std::int64_t count = random.integer(1, 3000);
  const DeviceArray<float> params(random.normals(count)), grad(random.normals(count)),
      first(std::vector<float>(static_cast<std::size_t>(count))),
      second(std::vector<float>(static_cast<std::size_t>(count)));
  const DeviceArray<AdamProgress> progress(std::vector<AdamProgress>{{0.1, 0, 0, 0}});
  const DeviceArray<unsigned char> scratch(adam_scratch_bytes());
  const DeviceArray<AdamRange> ranges(std::vector<AdamRange>{{count, 1, 1}});
  AdamParams p;
  p.ranges = ranges.data(), p.range_count = 1;
  p.options = {0.9, 0.999, 1e-8, 0, 0, 0};
  p.count = count;
  p.params = params.data(), p.grad = grad.data(), p.first_moment = first.data(), p.second_moment = second.data();
  p.progress = progress.data(), p.scratch = scratch.data();
  ASSERT_EQ(launch_adam(p, nullptr), 0);
  EXPECT_EQ(simt::session().barriers, kTree * static_cast<std::uint64_t>((count + 255) / 256 + 1));
}

/// One barrier per block, between the values that follow from sigma and the columns. A block takes as many rows as have
/// 2,048 groups of four columns, at least one and at most 256.
void perturbations(std::uint64_t seed) {
  RandomCase random(seed);
  PerturbParams p;
  p.dim = random.chance(0.1) ? 9000 : random.integer(1, 100);
  p.batch = random.integer(1, p.dim > 100 ? 3 : 600);
  p.rows = (p.batch + 15) / 16 * 16;
  p.net_columns = (p.dim + 7) / 8 * 8, p.net_stride = p.net_columns;
  const DeviceArray<float> x(random.normals(p.batch * p.dim)), sigma(std::vector<float>{0.5f}),
      input(static_cast<std::size_t>(p.rows * p.net_columns));
  p.data = {{x.data(), p.dim}, p.batch, nullptr, false};
  p.sigma.given = sigma.data();
  p.point = 1;
  p.net_input = input.data();
  ASSERT_EQ(launch_perturb(p, Element::f32, nullptr), 0);
  const std::int64_t rows_a_block = std::clamp(2048 / ((p.net_columns + 3) / 4), 1, 256);
  EXPECT_EQ(simt::session().barriers, static_cast<std::uint64_t>((p.rows + rows_a_block - 1) / rows_a_block));
}

TEST(Counters, BarriersOfAPerturbation) { for_each_seed(10, perturbations); }
TEST(Counters, BarriersOfColumnSums) { for_each_seed(40, sums_of_columns); }
TEST(Counters, BarriersOfTheJetsWayBack) { for_each_seed(40, jets); }
TEST(Counters, BarriersOfAnEstimate) { for_each_seed(20, estimates); }
TEST(Counters, BarriersOfAnAdamStep) { for_each_seed(20, adam_steps); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
