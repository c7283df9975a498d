// The second derivatives in jet_forward.cu and jet_backward.cu against the activations of the reference, in double, on
// the rounded inputs: alone and with tangents that contribute and tangents that do not, in one group of tangents and in
// several. The bounds count roundings, as in jet_kernel_test.cpp.
#include <cmath>
#include <limits>

#include "kernels/device_array.h"
#include "kernels/random_case.h"
#include "reference/activation.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr double kUlp = 0x1p-23;
constexpr double kActivation = 12;  // ulps of 1 for phi, phi' and phi''
constexpr double kThird = 24;       // ulps of 1 for phi''': its largest bound

/// A group of tangents at one layer: channels 0 (or 1) ... channels - 1 and, if `second`, one more after them.
struct Group {
  RandomCase random;
  int activation = random.integer(0, 3);
  int width = 8 * random.pick({1, 2, 3, 8, 15, 16, 17, 20});
  std::int64_t rows = random.pick({1, 2, 16, 63, 64, 65, 255, 256, 257});
  int channels = random.integer(1, 4);
  int first_channel = channels > 1 && random.chance(0.5) ? 1 : 0;
  int curved = random.integer(0, channels - 1);
  bool second = random.chance(0.6);
  bool starts = random.chance(0.3);       // whether this is the first layer
  bool has_earlier = random.chance(0.5);  // whether groups precede this one
  bool residual = random.chance(0.4);
  Element element = random.chance(0.5) ? Element::f32 : Element::bf16;
  std::int64_t plane = rows * width;
  std::vector<float> bias = random.normals(width), earlier = random.normals(plane);
  DeviceArray<float> bias_device{bias};

  explicit Group(std::uint64_t seed) : random(seed) {
    if (channels * plane > 40000) channels = 1, first_channel = 0, curved = 0;
    for (float& each : earlier) each *= each;  // squares
  }
  int end() const { return channels + (second ? 1 : 0); }
  std::size_t index(int channel, std::int64_t at) const { return static_cast<std::size_t>(channel * plane + at); }
  /// Random values of the shape of the channels. In the first layer the second derivatives are zero and must not be
  /// read, so they are NaN.
  std::vector<float> draw(double scale, bool may_start) {
    std::vector<float> values = random.normals(end() * plane, scale);
    if (may_start && starts && second)
      std::fill(values.end() - static_cast<std::ptrdiff_t>(plane), values.end(),
                std::numeric_limits<float>::quiet_NaN());
    return values;
  }
  /// An element of the array; zero for the second derivatives of the first layer.
  double at(const std::vector<float>& values, int channel, std::int64_t i) const {
    return channel == channels && starts ? 0 : static_cast<double>(values[index(channel, i)]);
  }
  reference::ActivationValue<double> phi(const std::vector<float>& z, std::int64_t i) const {
    const float sum = z[static_cast<std::size_t>(i)] + bias[static_cast<std::size_t>(i % width)];
    return reference::activate(static_cast<scorematch::Activation>(activation), static_cast<double>(sum));
  }
  double rounding(double value) const { return ElementArray::rounding(element) * std::abs(value); }
  DeviceArray<float> left(bool has) const {
    return has ? DeviceArray<float>(earlier) : DeviceArray<float>(static_cast<std::size_t>(plane));
  }
};

void forward(std::uint64_t seed) {
  Group l(seed);
  const ElementArray z_device(l.element, l.draw(2, true)), h_device(l.element, l.draw(1, true));
  const ElementArray next(l.element, static_cast<std::size_t>(l.end() * l.plane));
  const DeviceArray<float> squares = l.left(l.has_earlier);
  JetForwardParams p;
  p.activation = static_cast<Activation>(l.activation);
  p.rows = l.rows, p.width = l.width, p.first_channel = l.first_channel, p.channels = l.channels;
  p.z = z_device.data(), p.bias = l.bias_device.data();
  p.h = l.residual ? h_device.data() : nullptr, p.h_next = next.data();
  p.curved = l.curved, p.squares = squares.data(), p.has_squares = l.has_earlier;
  p.second = l.second, p.second_starts = l.starts;
  ASSERT_EQ(launch_jet_forward(p, l.element, nullptr), 0);
  const auto z = z_device.read(), h = h_device.read(), got = next.read(), q_got = squares.read();
  for (std::int64_t i = 0; i < l.plane; ++i) {
    const auto phi = l.phi(z, i);
    double q = l.has_earlier ? static_cast<double>(l.earlier[static_cast<std::size_t>(i)]) : 0;
    for (int m = 1; m <= l.curved; ++m) q += l.at(z, m, i) * l.at(z, m, i);
    ASSERT_NEAR(q_got[static_cast<std::size_t>(i)], q, (l.curved + 1) * kUlp * q) << "q " << i;
    for (int channel = l.first_channel; channel < l.end(); ++channel) {
      const double skipped = l.residual ? l.at(h, channel, i) : 0;
      double wanted = phi.value, size = std::abs(phi.value) + 1e-3;
      if (channel > 0) wanted = phi.first * l.at(z, channel, i), size = std::abs(l.at(z, channel, i));
      if (channel == l.channels) wanted += phi.second * q, size += (1 + (l.curved + 2) / kActivation) * q;
      wanted += skipped, size += std::abs(skipped);
      ASSERT_NEAR(got[l.index(channel, i)], wanted, kActivation * kUlp * size + l.rounding(wanted))
          << "channel " << channel << " element " << i;
    }
  }
}

TEST(CurvedJetForwardKernel, AgreesWithTheReference) { for_each_seed(10, forward); }

void backward(std::uint64_t seed) {
  Group l(seed);
  const ElementArray z_device(l.element, l.draw(2, true)), grad_device(l.element, l.draw(1, false));
  const ElementArray grad_z(l.element, static_cast<std::size_t>(l.end() * l.plane));
  // grad_h": from the group's own channel, saved for other groups or not; or as another group has saved it.
  const bool kept = !l.second || l.random.chance(0.5);
  const ElementArray grad_second = l.second ? ElementArray(l.element, static_cast<std::size_t>(l.plane))
                                            : ElementArray(l.element, l.random.normals(l.plane));
  const DeviceArray<float> squares(l.earlier), curvature = l.left(l.has_earlier);
  const int blocks = column_sum_blocks(l.rows);
  const DeviceArray<float> partial(static_cast<std::size_t>(blocks * l.width));
  JetBackwardParams p;
  p.activation = static_cast<Activation>(l.activation);
  p.rows = l.rows, p.width = l.width, p.first_channel = l.first_channel, p.channels = l.channels;
  p.z = z_device.data(), p.bias = l.bias_device.data(), p.grad_h = grad_device.data(), p.grad_z = grad_z.data();
  p.curvature = curvature.data(), p.has_curvature = l.has_earlier;
  p.bias_partial = partial.data();
  p.curved = l.curved, p.second = l.second, p.second_starts = l.starts;
  p.squares = l.second ? squares.data() : nullptr, p.grad_second = kept ? grad_second.data() : nullptr;
  ASSERT_EQ(launch_jet_backward(p, l.element, nullptr), 0);

  const auto z = z_device.read(), grad_in = grad_device.read(), got = grad_z.read(), curved = curvature.read();
  const auto saved_grad = kept ? grad_second.read() : std::vector<float>();
  for (std::int64_t i = 0; i < l.plane; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const auto phi = l.phi(z, i);
    const double b = static_cast<double>(l.second ? grad_in[l.index(l.channels, i)] : saved_grad[at]),
                 q = l.earlier[at];
    double curvature_here = l.has_earlier ? l.earlier[at] : 0, bound = 0, size = std::abs(curvature_here);
    if (l.second) {
      curvature_here += (phi.second * l.at(z, l.channels, i) + phi.third * q) * b;
      size += std::abs(l.at(z, l.channels, i) * b);
      bound += kThird * kUlp * std::abs(q * b);
      if (kept) {
        ASSERT_EQ(saved_grad[at], grad_in[l.index(l.channels, i)]);
      }
      if (!l.starts) {
        ASSERT_NEAR(got[l.index(l.channels, i)], phi.first * b,
                    kActivation * kUlp * std::abs(b) + l.rounding(phi.first * b));
      }
    }
    for (int m = 1; m < l.channels; ++m) {
      const double tangent = l.at(z, m, i), grad_h = grad_in[l.index(m, i)];
      curvature_here += phi.second * tangent * grad_h;
      size += std::abs(tangent * grad_h);
      const double bent = m <= l.curved ? 2 * tangent * b : 0, wanted = phi.first * grad_h + phi.second * bent;
      ASSERT_NEAR(got[l.index(m, i)], wanted,
                  kActivation * kUlp * (std::abs(grad_h) + std::abs(bent)) + l.rounding(wanted))
          << "channel " << m << " element " << i;
    }
    bound += (kActivation + l.channels + 1) * kUlp * size;
    if (l.first_channel == 1) {
      ASSERT_NEAR(curved[at], curvature_here, bound) << "element " << i;
      continue;
    }
    const double wanted = phi.first * grad_in[at] + curvature_here;
    ASSERT_NEAR(got[at], wanted, bound + kActivation * kUlp * std::abs(grad_in[at]) + l.rounding(wanted))
        << "element " << i;
  }
}

TEST(CurvedJetBackwardKernel, AgreesWithTheReference) { for_each_seed(10, backward); }

/// u (A |phi'''| + B g), the bound in device/activation.cuh.
double third_bound(scorematch::Activation activation, double z, const reference::ActivationValue<double>& phi) {
  const double pq = 1 / (2 + std::exp(z) + std::exp(-z)), size = std::abs(phi.third);
  const auto bound = [&] {
    switch (activation) {
      case scorematch::Activation::silu:
        return 6 * size + (11 + 4.5 * std::abs(z)) * pq;
      case scorematch::Activation::softplus:
        return 6 * size + 2.25 * pq;
      case scorematch::Activation::tanh:
        return 6 * size + 27 * phi.first;
      case scorematch::Activation::gelu:
        break;
    }
    return (3.5 + z * z / 4) * size;
  };
  return kUlp * bound() + 0x1p-119;
}

// Over the whole range and far out, where units saturate. With grad_h" = 1, q = 1 and z" = 0 the gradient of z_0 is
// phi'''; with z" = 1 and q = 0 it is phi''.
TEST(CurvedJetBackwardKernel, DerivativesOfSaturatedUnitsKeepTheirDigits) {
  std::vector<float> z;
  for (int i = -960; i < 960; ++i) z.push_back(static_cast<float>(i) / 24);
  for (const float far : {60.0f, 100.0f, 1e3f, 1e10f, 1e15f, 3e18f, -60.0f, -1e10f}) z.push_back(far);
  const auto width = static_cast<int>(z.size());
  const std::vector<float> zero(z.size(), 0), one(z.size(), 1);
  const auto beside = [](std::vector<float> first, const std::vector<float>& then) {
    first.insert(first.end(), then.begin(), then.end());
    return first;
  };
  const DeviceArray<float> bias(zero), partial(z.size());
  const ElementArray grad_in{Element::f32, beside(zero, one)}, out(Element::f32, 2 * z.size());
  for (const auto activation : {Activation::silu, Activation::softplus, Activation::tanh, Activation::gelu})
    for (const bool is_third : {true, false}) {
      const ElementArray in{Element::f32, beside(z, is_third ? zero : one)};
      const DeviceArray<float> squares(is_third ? one : zero);
      JetBackwardParams p;
      p.activation = activation, p.rows = 1, p.width = width, p.channels = 1, p.second = true;
      p.z = in.data(), p.bias = bias.data(), p.grad_h = grad_in.data(), p.grad_z = out.data();
      p.squares = squares.data(), p.bias_partial = partial.data();
      ASSERT_EQ(launch_jet_backward(p, Element::f32, nullptr), 0);
      const auto got = out.read();
      for (std::size_t i = 0; i < z.size(); ++i) {
        const auto named = static_cast<scorematch::Activation>(activation);
        const auto at = static_cast<double>(z[i]);
        const auto phi = reference::activate(named, at);
        // The bound of phi'', like that of phi''', with a bracket of at most 2 + |z| and the exponent of gelu.
        const double g = activation == Activation::gelu ? phi.second / (2 - at * at) : phi.first;
        const double bound = is_third ? third_bound(named, at, phi)
                                      : kUlp * (kActivation + at * at * (activation == Activation::gelu)) *
                                                (std::abs(phi.second) + std::abs(g)) +
                                            0x1p-119;
        EXPECT_NEAR(got[i], is_third ? phi.third : phi.second, bound)
            << "activation " << static_cast<int>(activation) << (is_third ? " third" : " second") << " at " << at;
      }
    }
}

}  // namespace
}  // namespace kernels
}  // namespace scorematch
