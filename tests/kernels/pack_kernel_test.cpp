// pack.cu: every parameter is copied to its padded place and back, and padding is zero.
#include "kernels/device_array.h"
#include "kernels/random_case.h"

namespace scorematch {
namespace kernels {
namespace {

int padded(int width) { return (width + 7) / 8 * 8; }

void run(std::uint64_t seed) {
  RandomCase random(seed);
  std::vector<LayerPlace> layers;
  std::int64_t count = 0, weights = 0, biases = 0;
  std::int64_t largest = 0;
  int in = random.integer(1, 40);
  for (int l = random.integer(1, 4); l > 0; --l) {
    const int out = random.pick({1, 7, 8, 9, 33, 64});
    layers.push_back({in, out, padded(in), padded(out), count, count + std::int64_t{in} * out, weights, biases});
    count += std::int64_t{in} * out + out;
    weights += std::int64_t{padded(in)} * padded(out);
    biases += padded(out);
    largest = std::max(largest, std::int64_t{padded(in)} * padded(out));
    in = out;
  }
  const Element element = random.chance(0.5) ? Element::f32 : Element::bf16;
  const std::vector<float> params = random.normals(count);
  const DeviceArray<float> params_device(params), bias_out(static_cast<std::size_t>(biases));
  const DeviceArray<LayerPlace> places(layers);
  const ElementArray weight_out(element, static_cast<std::size_t>(weights));
  const LayerTable table{places.data(), static_cast<int>(layers.size()), largest};
  ASSERT_EQ(launch_pack(params_device.data(), table, weight_out.data(), bias_out.data(), element, nullptr), 0);
  const auto got = weight_out.read(), got_bias = bias_out.read();
  for (const LayerPlace& l : layers)
    for (int row = 0; row < l.out_padded; ++row) {
      EXPECT_EQ(got_bias[static_cast<std::size_t>(l.bias_padded + row)],
                row < l.out ? params[static_cast<std::size_t>(l.bias + row)] : 0.0f);
      for (int column = 0; column < l.in_padded; ++column) {
        const bool inside = row < l.out && column < l.in;
        const float wanted = inside ? params[static_cast<std::size_t>(l.weight + row * l.in + column)] : 0.0f;
        EXPECT_EQ(got[static_cast<std::size_t>(l.weight_padded + row * l.in_padded + column)],
                  element == Element::bf16 ? widen(narrow(wanted)) : wanted);
      }
    }
  // Back: floats unpack to the same values and, if added, to twice the values.
  const ElementArray exact(Element::f32, static_cast<std::size_t>(weights));
  const DeviceArray<float> grad(static_cast<std::size_t>(count));
  ASSERT_EQ(launch_pack(params_device.data(), table, exact.data(), bias_out.data(), Element::f32, nullptr), 0);
  for (const bool add : {false, true})
    ASSERT_EQ(launch_unpack(static_cast<const float*>(exact.data()), bias_out.data(), table, add, grad.data(), nullptr),
              0);
  const auto doubled = grad.read();
  for (std::size_t i = 0; i < params.size(); ++i) EXPECT_EQ(doubled[i], 2 * params[i]);
}

TEST(PackKernel, PutsEveryParameterInItsPlaceAndBack) { for_each_seed(100, run); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
