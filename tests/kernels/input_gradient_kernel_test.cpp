// input_gradient.cu against the product in double.
#include "kernels/random_perturbation.h"
#include "reference/coefficients.h"

namespace scorematch {
namespace kernels {
namespace {

void run(std::uint64_t seed) {
  RandomCase random(seed);
  const Element element = random.chance(0.5) ? Element::bf16 : Element::f32;
  const int dim = random_dim(random);
  const std::int64_t batch = random.integer(1, 40), rows = rounded_up(batch, 8);
  const std::int64_t stride = rounded_up(dim + random.integer(0, 9), 8), grad_stride = dim + random.integer(0, 5);
  std::vector<float> sigma = random.normals(rows);
  for (float& each : sigma) each = 0.01f + each * each;
  const std::vector<float> before = random.normals(batch * grad_stride);
  const ElementArray grad_in(element, random.normals(rows * stride));
  const DeviceArray<float> sigma_device(sigma), grad(before);
  InputGradientParams p;
  p.dim = dim, p.batch = batch;
  p.sigma = sigma_device.data();
  const double sigma_data = random.real(0.2, 2);
  const bool scaled = random.chance(0.7);
  if (scaled) p.parameterization = {Parameterization::Kind::edm, sigma_data};
  p.grad_input = grad_in.data(), p.grad_input_stride = stride;
  p.grad_x = grad.data(), p.grad_x_stride = grad_stride;
  ASSERT_EQ(launch_input_gradient(p, element, nullptr), 0);
  const std::vector<float> got = grad.read(), grads = grad_in.read();
  for (std::int64_t n = 0; n < batch; ++n) {
    const double s = static_cast<double>(sigma[static_cast<std::size_t>(n)]);
    const double c = scaled ? 1 / std::sqrt(s * s + sigma_data * sigma_data) : 1;
    for (std::int64_t i = 0; i < grad_stride; ++i) {
      const auto at = static_cast<std::size_t>(n * grad_stride + i);
      const double old = static_cast<double>(before[at]);
      if (i >= dim) {
        EXPECT_EQ(got[at], before[at]);
        continue;
      }
      const double added = c * static_cast<double>(grads[static_cast<std::size_t>(n * stride + i)]);
      // c and the fused multiply-add are rounded once each.
      EXPECT_NEAR(static_cast<double>(got[at]), old + added, 0x1p-23 * (std::abs(added) + std::abs(old + added)));
    }
  }
}

TEST(InputGradientKernel, AgreesWithTheProduct) { for_each_seed(100, run); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
