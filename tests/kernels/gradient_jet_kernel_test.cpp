// gradient_jet.cu and widen.cu against the activations of the reference, in double, on the rounded inputs. The bounds
// count roundings, as in jet_kernel_test.cpp.
#include <cmath>

#include "kernels/device_array.h"
#include "kernels/random_case.h"
#include "reference/activation.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr double kUlp = 0x1p-23;
constexpr double kActivation = 12;

void run(std::uint64_t seed) {
  RandomCase random(seed);
  const auto activation = static_cast<Activation>(random.integer(0, 3));
  const int width = 8 * random.pick({1, 2, 3, 8, 15, 16, 17, 20});
  const std::int64_t rows = random.pick({1, 2, 16, 63, 64, 65, 255, 256}), plane = rows * width;
  const int channels = rows * width > 10000 ? 1 : random.integer(1, 4);
  const Element element = random.chance(0.5) ? Element::f32 : Element::bf16;
  const ElementArray z_device(element, random.normals(channels * plane, 2)),
      grad_in(element, random.normals(channels * plane)), out(element, static_cast<std::size_t>(channels * plane));
  const std::vector<float> bias = random.normals(width);
  const DeviceArray<float> bias_device(bias);
  GradientJetParams p;
  p.activation = activation, p.rows = rows, p.width = width, p.channels = channels;
  p.z = z_device.data(), p.bias = bias_device.data(), p.grad_h = grad_in.data(), p.grad_z = out.data();
  ASSERT_EQ(launch_gradient_jet(p, element, nullptr), 0);
  const auto z = z_device.read(), grad_h = grad_in.read(), got = out.read();
  for (std::int64_t i = 0; i < plane; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const float sum = z[at] + bias[static_cast<std::size_t>(i % width)];
    const auto phi = reference::activate(static_cast<scorematch::Activation>(activation), static_cast<double>(sum));
    for (int channel = 0; channel < channels; ++channel) {
      const auto k = static_cast<std::size_t>(channel * plane + i);
      const double bent = channel == 0 ? 0 : static_cast<double>(z[k]) * static_cast<double>(grad_h[at]);
      const double wanted = phi.first * static_cast<double>(grad_h[k]) + phi.second * bent;
      ASSERT_NEAR(got[k], wanted,
                  kActivation * kUlp * (std::abs(static_cast<double>(grad_h[k])) + std::abs(bent)) +
                      ElementArray::rounding(element) * std::abs(wanted))
          << "channel " << channel << " element " << i;
    }
  }
}

TEST(GradientJetKernel, AgreesWithTheReference) { for_each_seed(10, run); }

void widen(std::uint64_t seed) {
  RandomCase random(seed);
  const ElementArray from(Element::bf16, random.normals(4 * random.pick({1, 2, 255, 256, 257, 600})));
  const auto narrow = from.read();
  const DeviceArray<float> to(narrow.size());
  ASSERT_EQ(launch_widen(from.data(), static_cast<std::int64_t>(narrow.size()), to.data(), nullptr), 0);
  EXPECT_EQ(to.read(), narrow);
}

TEST(WidenKernel, ChangesNoValue) { for_each_seed(4, widen); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
