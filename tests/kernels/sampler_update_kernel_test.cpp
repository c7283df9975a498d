// sampler_update.cu against the same sum in double, with the noise of the reference.
#include <cmath>

#include "kernels/random_perturbation.h"

namespace scorematch {
namespace kernels {
namespace {

void run(std::uint64_t seed) {
  RandomCase random(seed);
  const int dim = random_dim(random);
  const std::int64_t batch = random.integer(1, 40), count = batch * dim;
  const RandomNoise noise(random);
  SamplerParams p;
  p.x_stride = dim + (random.chance(0.5) ? random.integer(0, 5) : 0);
  const std::vector<float> x = random.normals(batch * p.x_stride), score = random.normals(count),
                           second = random.normals(count);
  const DeviceArray<float> x_device(x), score_device(score), second_device(second);
  p.batch = batch, p.dim = dim;
  const bool has_x = random.chance(0.7), has_score = random.chance(0.7), has_second = random.chance(0.5);
  p.x = has_x ? x_device.data() : nullptr;
  p.score = has_score ? score_device.data() : nullptr;
  p.second_score = has_second ? second_device.data() : nullptr;
  const bool in_place = random.chance(0.5);
  p.out_stride = in_place ? p.x_stride : dim + random.integer(0, 5);
  const DeviceArray<float> apart(std::vector<float>(static_cast<std::size_t>(batch * p.out_stride), -1.0f));
  p.out = in_place ? x_device.data() : apart.data();
  p.score_factor = static_cast<float>(random.real(-2, 2)), p.second_factor = static_cast<float>(random.real(-2, 2));
  p.noise_factor = random.chance(0.7) ? static_cast<float>(random.real(0, 2)) : 0.0f;
  p.noise = noise.get();
  p.initial = random.chance(0.3);
  p.index = random.integer(0, 100000);
  ASSERT_EQ(launch_sampler_update(p, nullptr), 0);
  const auto got = in_place ? x_device.read() : apart.read();
  for (std::int64_t n = 0; n < batch; ++n) {
    const auto z = reference::normals(dim, [&](std::uint32_t group) {
      return p.initial ? noise.of(n).block(philox::Purpose::sampler_init, group)
                       : noise.of(n).sampler_block(p.index, group);
    });
    for (int i = 0; i < dim; ++i) {
      const auto k = static_cast<std::size_t>(n * dim + i);
      const double parts[] = {has_x ? static_cast<double>(x[static_cast<std::size_t>(n * p.x_stride + i)]) : 0,
                              has_score ? static_cast<double>(p.score_factor) * static_cast<double>(score[k]) : 0,
                              has_second ? static_cast<double>(p.second_factor) * static_cast<double>(second[k]) : 0,
                              static_cast<double>(p.noise_factor) * z[static_cast<std::size_t>(i)]};
      double wanted = 0, size = 1e-6 * static_cast<double>(p.noise_factor);  // 1e-6: a cosine near zero
      for (const double each : parts) wanted += each, size += std::abs(each);
      EXPECT_NEAR(got[static_cast<std::size_t>(n * p.out_stride + i)], wanted, 4 * 0x1p-23 * size)
          << "row " << n << " column " << i;
    }
    for (std::int64_t i = n * p.out_stride + dim; i < (n + 1) * p.out_stride; ++i)
      EXPECT_EQ(got[static_cast<std::size_t>(i)], in_place ? x[static_cast<std::size_t>(i)] : -1.0f);
  }
}

TEST(SamplerUpdateKernel, AgreesWithTheReference) { for_each_seed(100, run); }

TEST(SamplerUpdateKernel, AdvanceAddsOneStep) {
  RandomCase random(1);
  const DeviceArray<NoisePosition> position(std::vector<NoisePosition>{{3, 41, 5}});
  ASSERT_EQ(launch_advance(position.data(), nullptr), 0);
  EXPECT_EQ(position.read()[0].step, 42);
  EXPECT_EQ(complaints(), "");
}

TEST(Kernels, AreLoadedWithoutALaunch) {
  const std::uint64_t before = simt::session().launches;
  EXPECT_EQ(load_common_kernels(), 0);
  for (const Element element : {Element::f32, Element::bf16})
    for (const Activation each : {Activation::silu, Activation::softplus, Activation::tanh, Activation::gelu})
      EXPECT_EQ(load_jet_kernels(element, each), 0);
  EXPECT_EQ(simt::session().launches, before);
}

}  // namespace
}  // namespace kernels
}  // namespace scorematch
