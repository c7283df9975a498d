// context_gradient.cu against the columns that it copies.
#include "kernels/random_contexts.h"

namespace scorematch {
namespace kernels {
namespace {

void run(std::uint64_t seed) {
  RandomCase random(seed);
  const Element element = random.chance(0.5) ? Element::bf16 : Element::f32;
  const std::int64_t batch = random.integer(1, 40), first = random.integer(0, 9), rows = rounded_up(batch, 8);
  const bool drawn = random.chance(0.5);
  const std::int64_t data_rows = drawn ? random.integer(1, 60) : first + batch;
  const RandomNoise noise(random);
  const RandomContexts contexts(random, data_rows);
  const int columns = contexts.source.columns;
  if (columns == 0) return;
  const int first_column = random.integer(1, 12);
  const std::int64_t stride = rounded_up(first_column + contexts.source.total, 8),
                     grad_stride = columns + random.integer(0, 3);
  const std::vector<float> before = random.normals(batch * grad_stride);
  const ElementArray grad_in(element, random.normals(rows * stride));
  const DeviceArray<float> grad(before);
  ContextGradientParams p;
  p.context = contexts.source;
  p.data.row_count = data_rows, p.data.drawn = drawn;
  p.noise = noise.get();
  p.batch = batch, p.first = first;
  p.grad_input = grad_in.data(), p.grad_input_stride = stride;
  p.first_column = first_column;
  p.add = random.chance(0.5);
  p.grad_context = grad.data(), p.grad_context_stride = grad_stride;
  ASSERT_EQ(launch_context_gradient(p, element, nullptr), 0);
  const std::vector<float> got = grad.read(), grads = grad_in.read();
  for (std::int64_t n = 0; n < batch; ++n) {
    const std::int64_t sample = first + n;
    const std::int64_t row =
        drawn ? static_cast<std::int64_t>(philox::index(noise.of(sample).block(philox::Purpose::row, 0),
                                                        static_cast<std::uint64_t>(data_rows)))
              : sample;
    for (std::int64_t k = 0; k < grad_stride; ++k) {
      const auto at = static_cast<std::size_t>(n * grad_stride + k);
      const float through =
          contexts.has(noise, sample, row) ? grads[static_cast<std::size_t>(n * stride + first_column + k)] : 0.0f;
      EXPECT_EQ(got[at], k >= columns ? before[at] : p.add ? before[at] + through : through) << n << " " << k;
    }
  }
}

TEST(ContextGradientKernel, CopiesTheColumnsOfSamplesThatHaveAContext) { for_each_seed(100, run); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
