// Copies the flat parameters [P] of the caller into the padded weights [out_padded, in_padded] of T and biases that the
// GEMMs require, with zero padding, and padded gradients back to grad [P]. blockIdx.y is the layer. Each thread
// processes every (256 gridDim.x)-th element of its [out, in + 1] table, whose last column is the bias. No shared
// memory. Bytes: (4 + sizeof(T)) P. Elementwise.
#include "device/element.cuh"
#include "device/launch.h"
#include "launchers.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 8;  // per multiprocessor: the register budget, 32 per thread
constexpr std::int64_t kMaxBlocksALayer = 256;

/// Calls each(row, column) for the [rows, columns] table of the layer, divided among the blocks of blockIdx.x.
template <class Each>
SCOREMATCH_DEVICE void for_each_element(std::int64_t rows, std::int64_t columns, const Each& each) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
       i < rows * columns; i += step)
    each(i / columns, i % columns);
}

template <class T>
__global__ void __launch_bounds__(kThreads, kResidentBlocks)
    pack_kernel(const float* params, const LayerPlace* layers, T* weights, float* biases) {
  const LayerPlace l = layers[blockIdx.y];
  for_each_element(l.out_padded, l.in_padded + 1, [&](std::int64_t row, std::int64_t column) {
    if (column == l.in_padded)
      biases[l.bias_padded + row] = row < l.out ? params[l.bias + row] : 0.0f;
    else
      weights[l.weight_padded + row * l.in_padded + column] =
          from_float<T>(row < l.out && column < l.in ? params[l.weight + row * l.in + column] : 0.0f);
  });
}

__global__ void __launch_bounds__(kThreads, kResidentBlocks)
    unpack_kernel(const float* weights, const float* biases, const LayerPlace* layers, bool add, float* grad) {
  const LayerPlace l = layers[blockIdx.y];
  for_each_element(l.out, l.in + 1, [&](std::int64_t row, std::int64_t column) {
    const bool bias = column == l.in;
    const float value = bias ? biases[l.bias_padded + row] : weights[l.weight_padded + row * l.in_padded + column];
    float& to = bias ? grad[l.bias + row] : grad[l.weight + row * l.in + column];
    to = add ? to + value : value;
  });
}

Grid grid_of(const LayerTable& table) {
  const std::int64_t wanted = (table.largest + kThreads - 1) / kThreads;
  return {static_cast<unsigned>(wanted < kMaxBlocksALayer ? wanted : kMaxBlocksALayer),
          static_cast<unsigned>(table.count), kThreads, 0};
}

}  // namespace

int launch_pack(const float* params, const LayerTable& table, void* weights, float* biases, Element element,
                CUstream_st* stream) {
  const Grid grid = grid_of(table);
  return element == Element::bf16
             ? launch(pack_kernel<bf16>, grid, stream, params, table.layers, static_cast<bf16*>(weights), biases)
             : launch(pack_kernel<float>, grid, stream, params, table.layers, static_cast<float*>(weights), biases);
}

int launch_unpack(const float* weights, const float* biases, const LayerTable& table, bool add, float* grad,
                  CUstream_st* stream) {
  return launch(unpack_kernel, grid_of(table), stream, weights, biases, table.layers, add, grad);
}

}  // namespace kernels
}  // namespace scorematch
