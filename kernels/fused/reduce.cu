// The ordered sum over the blocks of a fused kernel:
//
//   grad [P] (+)= sum of partial [blocks, partial_stride]      estimate (+)= merge of estimates [blocks]
//
// Gradients go from the padded layout to the flat one of the caller. blockIdx.y is the layer; one more is for the
// losses. A block processes 32 elements at a time of the [out, in + 1] table of a layer, whose last column is the bias.
// Each of its eight warps adds one consecutive eighth of the parts, then the eight sums are added. The order depends
// only on the number of blocks.
//
// Shared memory: kThreads floats and kThreads EstimateRecords. Bytes: 4 P blocks read, 4 P written.
#include "device/estimate.cuh"
#include "device/launch.h"
#include "device/smem.cuh"
#include "fused/fused_launchers.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 5;  // per multiprocessor: the register budget, 48 per thread
constexpr int kWarps = kThreads / 32;
constexpr std::int64_t kMaxBlocksALayer = 2048;

SCOREMATCH_DEVICE void merge_estimates(const FusedReduceParams& p, EstimateRecord* parts) {
  EstimateRecord mine{0.0, 0.0, 0.0};
  for (int i = static_cast<int>(threadIdx.x); i < p.blocks; i += kThreads) mine = merged(mine, p.estimates[i]);
  parts[threadIdx.x] = mine;
  const EstimateRecord all = merge_all(parts, kThreads);
  if (threadIdx.x == 0) *p.estimate = p.add ? merged(*p.estimate, all) : all;
}

SCOREMATCH_DEVICE void add_layer(const FusedReduceParams& p, const LayerPlace& l, float* sums) {
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const std::int64_t elements = std::int64_t{l.out} * (l.in + 1);
  const int begin = p.blocks * warp / kWarps, end = p.blocks * (warp + 1) / kWarps;
  for (std::int64_t first = std::int64_t{blockIdx.x} * 32; first < elements; first += std::int64_t{gridDim.x} * 32) {
    const std::int64_t i = first + lane, row = i / (l.in + 1), column = i % (l.in + 1);
    const bool bias = column == l.in;
    float sum = 0.0f;
    if (i < elements) {
      const float* from =
          p.partial + (bias ? p.bias_offset + l.bias_padded + row : l.weight_padded + row * l.in_padded + column);
      for (int part = begin; part < end; ++part) sum += from[part * p.partial_stride];
    }
    sums[warp * 32 + lane] = sum;
    __syncthreads();
    if (warp == 0 && i < elements) {
      sum = sums[lane];
      for (int more = 1; more < kWarps; ++more) sum += sums[more * 32 + lane];
      float& to = p.grad[bias ? l.bias + row : l.weight + row * l.in + column];
      to = p.add ? to + sum : sum;
    }
    __syncthreads();
  }
}

__global__ void __launch_bounds__(kThreads, kResidentBlocks) fused_reduce_kernel(FusedReduceParams p) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  float* sums = carve.take<float>(kThreads);
  EstimateRecord* parts = carve.take<EstimateRecord>(kThreads);
  const int layer = static_cast<int>(blockIdx.y);
  if (layer < p.table.count) {
    if (p.grad != nullptr) add_layer(p, p.table.layers[layer], sums);
  } else if (blockIdx.x == 0 && p.estimate != nullptr) {
    merge_estimates(p, parts);
  }
}

}  // namespace

int launch_fused_reduce(const FusedReduceParams& params, CUstream_st* stream) {
  const std::int64_t wanted = params.grad == nullptr ? 1 : params.table.largest / 32 + 1;
  const Grid grid{static_cast<unsigned>(wanted < kMaxBlocksALayer ? wanted : kMaxBlocksALayer),
                  static_cast<unsigned>(params.table.count + 1), kThreads,
                  shared_bytes<float>(kThreads) + shared_bytes<EstimateRecord>(kThreads)};
  return launch(fused_reduce_kernel, grid, stream, params);
}

}  // namespace kernels
}  // namespace scorematch
