// grad_x += c(sigma) grad_input: the gradient of x through the network, after a head has written the part that bypasses
// it. grad_x is [batch, grad_x_stride], grad_input [rows, grad_input_stride] of T. One thread per group of four
// columns. No shared memory. Bytes per row: (8 + sizeof(T)) dim. Elementwise.
#include "device/coefficients.cuh"
#include "device/group.cuh"
#include "device/launch.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 8;  // per multiprocessor: the register budget, 32 per thread

template <class T>
__global__ void __launch_bounds__(kThreads, kResidentBlocks) input_gradient_kernel(InputGradientParams p) {
  const int groups = group_count(p.dim);
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (i >= p.batch * groups) return;
  const std::int64_t row = i / groups;
  const int g = static_cast<int>(i % groups);
  float through[4], grad[4];
  load4(static_cast<const T*>(p.grad_input) + row * p.grad_input_stride + 4 * g, through);  // padded: whole groups
  float* grad_x = p.grad_x + row * p.grad_x_stride;
  read4(grad_x, g, p.dim, grad);
  const float c = coefficients(p.parameterization, p.sigma[row]).c;
  SCOREMATCH_UNROLL
  for (int k = 0; k < 4; ++k) grad[k] = fmaf(c, through[k], grad[k]);
  write4(grad_x, g, p.dim, grad);
}

}  // namespace

int launch_input_gradient(const InputGradientParams& params, Element element, CUstream_st* stream) {
  const std::int64_t groups = params.batch * ((params.dim + 3) / 4);
  const Grid grid{static_cast<unsigned>((groups + kThreads - 1) / kThreads), 1, kThreads, 0};
  return element == Element::bf16 ? launch(input_gradient_kernel<bf16>, grid, stream, params)
                                  : launch(input_gradient_kernel<float>, grid, stream, params);
}

}  // namespace kernels
}  // namespace scorematch
