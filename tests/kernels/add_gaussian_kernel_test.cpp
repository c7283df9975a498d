// add_gaussian.cu against the same sum in double.
#include <cmath>

#include "kernels/random_perturbation.h"

namespace scorematch {
namespace kernels {
namespace {

void run(std::uint64_t seed) {
  RandomCase random(seed);
  GaussianParams p;
  p.dim = random_dim(random);
  p.batch = random.integer(1, 300);
  const std::vector<float> x = random.normals(p.batch * p.dim, 3), value = random.normals(p.batch, 20);
  const DeviceArray<float> x_device(x), value_device(value), apart(value.size());
  p.x = x_device.data(), p.value = value_device.data();
  const bool in_place = random.chance(0.5);
  p.out = in_place ? value_device.data() : apart.data();
  p.precision = static_cast<float>(random.real(1e-4, 2)), p.constant = static_cast<float>(random.real(-100, 100));
  ASSERT_EQ(launch_add_gaussian(p, nullptr), 0);
  const std::vector<float> got = (in_place ? value_device : apart).read();
  for (std::size_t n = 0; n < value.size(); ++n) {
    double square = 0;
    for (int i = 0; i < p.dim; ++i)
      square += std::pow(static_cast<double>(x[n * static_cast<std::size_t>(p.dim) + static_cast<std::size_t>(i)]), 2);
    const double part = 0.5 * static_cast<double>(p.precision) * square, start = static_cast<double>(value[n]),
                 constant = static_cast<double>(p.constant);
    // The sum of squares: dim / lanes and five for the tree; then the factor, the sums and the store.
    const double roundings = p.dim / 4.0 + 4 + 5 + 4;
    EXPECT_NEAR(got[n], start + constant - part,
                0x1p-24 * (roundings * part + 3 * (std::abs(start) + std::abs(constant))))
        << n;
  }
}

TEST(AddGaussianKernel, AgreesWithTheSumInDouble) { for_each_seed(100, run); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
