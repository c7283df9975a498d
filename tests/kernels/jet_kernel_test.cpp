// jet_forward.cu and jet_backward.cu against the activations of the reference, in double, on the rounded inputs. The
// bounds count roundings: phi, phi' and phi'' are within kActivation ulps of their largest part, followed by one
// product and one sum each.
#include <cmath>

#include "kernels/device_array.h"
#include "kernels/random_case.h"
#include "reference/activation.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr double kUlp = 0x1p-23;
constexpr double kActivation = 12;

struct Layer {
  RandomCase random;
  int activation = random.integer(0, 3);
  int width = 8 * random.pick({1, 2, 3, 8, 15, 16, 17, 20});
  std::int64_t rows = random.pick({1, 2, 16, 63, 64, 65, 255, 256, 257, 300});
  int channels = random.integer(1, 4);
  int first_channel = channels > 1 && random.chance(0.3) ? 1 : 0;
  bool residual = random.chance(0.4);
  Element element = random.chance(0.5) ? Element::f32 : Element::bf16;
  std::int64_t plane = rows * width;
  ElementArray z{element, random.normals(channels*plane, 3)}, h{element, random.normals(channels*plane)};
  std::vector<float> bias = random.normals(width), z_host = z.read(), h_host = h.read();
  DeviceArray<float> bias_device{bias};

  explicit Layer(std::uint64_t seed) : random(seed) {
    if (channels * plane > 60000) channels = 1, first_channel = 0;
  }
  /// phi, phi', phi'' at element `at` of channel 0, with the bias added in float as in the kernel.
  reference::ActivationValue<double> jet(std::int64_t at) const {
    const float sum = z_host[static_cast<std::size_t>(at)] + bias[static_cast<std::size_t>(at % width)];
    return reference::activate(static_cast<scorematch::Activation>(activation), static_cast<double>(sum));
  }
  double z_at(int channel, std::int64_t at) const { return z_host[static_cast<std::size_t>(channel * plane + at)]; }
};

void forward(std::uint64_t seed) {
  const Layer l(seed);
  const ElementArray next(l.element, static_cast<std::size_t>(l.channels * l.plane));
  JetForwardParams p;
  p.activation = static_cast<Activation>(l.activation);
  p.rows = l.rows, p.width = l.width, p.first_channel = l.first_channel, p.channels = l.channels;
  p.z = l.z.data(), p.bias = l.bias_device.data(), p.h = l.residual ? l.h.data() : nullptr, p.h_next = next.data();
  ASSERT_EQ(launch_jet_forward(p, l.element, nullptr), 0);
  const auto got = next.read();
  for (int channel = l.first_channel; channel < l.channels; ++channel)
    for (std::int64_t at = 0; at < l.plane; ++at) {
      const auto k = static_cast<std::size_t>(channel * l.plane + at);
      const auto phi = l.jet(at);
      const double part = channel == 0 ? phi.value : phi.first * l.z_at(channel, at),
                   skipped = l.residual ? l.h_host[k] : 0;
      const double size =
          (channel == 0 ? std::abs(phi.value) + 1e-3 : std::abs(l.z_at(channel, at))) + std::abs(skipped);
      ASSERT_NEAR(got[k], part + skipped,
                  kActivation * kUlp * size + ElementArray::rounding(l.element) * std::abs(part + skipped))
          << "channel " << channel << " element " << at;
    }
}

TEST(JetForwardKernel, AgreesWithTheReference) { for_each_seed(120, forward); }

// Far out, where phi' almost vanishes and a difference from 1 would consist of roundoff.
TEST(JetForwardKernel, DerivativesOfSaturatedUnitsKeepTheirDigits) {
  const std::vector<float> z = {-16, -12, -9, -7.5f, -6, -4, -2, 0, 2, 4, 6, 7.5f, 9, 12, 16, 20};
  const auto width = static_cast<int>(z.size());
  std::vector<float> channels = z;
  channels.resize(2 * z.size(), 1);  // a tangent of 1: its image is phi'
  const ElementArray in{Element::f32, channels}, out(Element::f32, channels.size());
  const DeviceArray<float> bias(std::vector<float>(z.size(), 0));
  for (const auto activation : {Activation::silu, Activation::softplus, Activation::tanh, Activation::gelu}) {
    JetForwardParams p;
    p.activation = activation;
    p.rows = 1, p.width = width, p.first_channel = 0, p.channels = 2;
    p.z = in.data(), p.bias = bias.data(), p.h = nullptr, p.h_next = out.data();
    ASSERT_EQ(launch_jet_forward(p, Element::f32, nullptr), 0);
    const auto got = out.read();
    for (std::size_t i = 0; i < z.size(); ++i) {
      const auto at = static_cast<double>(z[i]);
      const double first = reference::activate(static_cast<scorematch::Activation>(activation), at).first;
      // The exponent of gelu, z^2/2, is itself rounded.
      const double ulps = activation == Activation::gelu ? kActivation + at * at : kActivation;
      EXPECT_NEAR(got[z.size() + i], first, ulps * kUlp * std::abs(first) + 0x1p-126)
          << "activation " << static_cast<int>(activation) << " at " << at;
    }
  }
}

void backward(std::uint64_t seed) {
  Layer l(seed);
  const bool has_curvature = l.channels > 1 && l.random.chance(0.5);
  const ElementArray grad_h(l.element, l.random.normals(l.channels * l.plane));
  const ElementArray grad_z(l.element, static_cast<std::size_t>(l.channels * l.plane));
  const std::vector<float> earlier = l.random.normals(l.plane), grad_in = grad_h.read();
  const DeviceArray<float> curvature =
      has_curvature ? DeviceArray<float>(earlier) : DeviceArray<float>(static_cast<std::size_t>(l.plane));
  const int blocks = column_sum_blocks(l.rows);
  const DeviceArray<float> partial(static_cast<std::size_t>(blocks * l.width)), sum(static_cast<std::size_t>(l.width));
  JetBackwardParams p;
  p.activation = static_cast<Activation>(l.activation);
  p.rows = l.rows, p.width = l.width, p.first_channel = l.first_channel, p.channels = l.channels;
  p.z = l.z.data(), p.bias = l.bias_device.data(), p.grad_h = grad_h.data(), p.grad_z = grad_z.data();
  p.curvature = curvature.data(), p.has_curvature = has_curvature;
  p.bias_partial = partial.data();
  ASSERT_EQ(launch_jet_backward(p, l.element, nullptr), 0);

  const auto got = grad_z.read(), curved = curvature.read();
  std::vector<double> column(static_cast<std::size_t>(l.width), 0), column_size(column);
  for (std::int64_t at = 0; at < l.plane; ++at) {
    const auto i = static_cast<std::size_t>(at);
    const auto phi = l.jet(at);
    double curvature_here = has_curvature ? earlier[i] : 0, size = std::abs(curvature_here);
    for (int channel = 1; channel < l.channels; ++channel) {
      const auto k = static_cast<std::size_t>(channel * l.plane + at);
      curvature_here += phi.second * l.z_at(channel, at) * grad_in[k];
      size += std::abs(l.z_at(channel, at) * grad_in[k]);
      ASSERT_NEAR(got[k], phi.first * grad_in[k],
                  kActivation * kUlp * std::abs(grad_in[k]) +
                      ElementArray::rounding(l.element) * std::abs(phi.first * grad_in[k]));
    }
    const double bound = (kActivation + l.channels) * kUlp * size;
    if (l.first_channel == 1) {
      ASSERT_NEAR(curved[i], curvature_here, bound);
      continue;
    }
    const double wanted = phi.first * grad_in[i] + curvature_here;
    const double primal = bound + kActivation * kUlp * std::abs(grad_in[i]);
    ASSERT_NEAR(got[i], wanted, primal + ElementArray::rounding(l.element) * std::abs(wanted)) << "element " << at;
    column[i % static_cast<std::size_t>(l.width)] += wanted;
    column_size[i % static_cast<std::size_t>(l.width)] += primal + 40 * kUlp * std::abs(wanted);  // 32 rows, 8 warps
  }
  if (l.first_channel == 1) return;
  ASSERT_EQ(launch_add_column_sums(partial.data(), blocks, l.width, false, sum.data(), nullptr), 0);
  const auto sums = sum.read();
  for (std::size_t j = 0; j < column.size(); ++j) EXPECT_NEAR(sums[j], column[j], column_size[j]) << "column " << j;
}

TEST(JetBackwardKernel, AgreesWithTheReference) { for_each_seed(120, backward); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
