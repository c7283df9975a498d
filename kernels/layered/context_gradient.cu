// grad_context [+]= the context's columns of grad_input, and zero for samples without a context. grad_context is
// [batch, grad_context_stride], grad_input [rows, grad_input_stride] of T. One thread per number. No shared memory.
// Bytes per row: (4 + sizeof(T)) columns. Elementwise.
#include "device/launch.h"
#include "device/perturbation.cuh"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 6;  // per multiprocessor: the register budget, 40 per thread

SCOREMATCH_DEVICE float to_float(float x) { return x; }
SCOREMATCH_DEVICE float to_float(bf16 x) { return __uint_as_float(static_cast<std::uint32_t>(x.bits) << 16); }

template <class T>
__global__ void __launch_bounds__(kThreads, kResidentBlocks) context_gradient_kernel(ContextGradientParams p) {
  const int columns = p.context.columns;
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (i >= p.batch * columns) return;
  const std::int64_t row = i / columns, n = p.first + row;
  const int k = static_cast<int>(i % columns);
  float& grad = p.grad_context[row * p.grad_context_stride + k];
  float through = 0.0f;
  if (has_context(p.context, p.noise, n, row_of(p.data, p.noise, n)))
    through = to_float(static_cast<const T*>(p.grad_input)[row * p.grad_input_stride + p.first_column + k]);
  grad = p.add ? grad + through : through;
}

}  // namespace

int launch_context_gradient(const ContextGradientParams& params, Element element, CUstream_st* stream) {
  const std::int64_t numbers = params.batch * params.context.columns;
  const Grid grid{static_cast<unsigned>((numbers + kThreads - 1) / kThreads), 1, kThreads, 0};
  return element == Element::bf16 ? launch(context_gradient_kernel<bf16>, grid, stream, params)
                                  : launch(context_gradient_kernel<float>, grid, stream, params);
}

}  // namespace kernels
}  // namespace scorematch
