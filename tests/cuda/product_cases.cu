#include "cuda/product_cases.h"

#include "device/launch.h"
#include "device/smem.cuh"
#include "device/warp_tile.cuh"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kStride = 32;  // of all arrays
static_assert(kProductRows == kStride && kProductColumns == kStride && kProductDepth == kStride);

template <class Operands>
__global__ void product_kernel(ProductCase p) {
  using T = typename Operands::T;
  constexpr int kPadded = kStride + Operands::kPadding;
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  T *a = carve.take<T>(kStride * kPadded), *b = carve.take<T>(kStride * kPadded);
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = 0; i < kStride; ++i) {
    a[i * kPadded + lane] = from_float<T>(p.a[i * kStride + lane]);
    b[i * kPadded + lane] = from_float<T>(p.b[i * kStride + lane]);
  }
  __syncthreads();
  WarpTile<2, 2> c;
  float* at = p.c + (lane >> 2) * kStride + 2 * (lane & 3);
  for_each_fragment<2, 4>([&](int i, int pair) {
    float v[8];
    load_fragment(at, kStride, i, pair, v);
    for (int q = 0; q < 8; ++q) c[i][2 * pair + q / 4][q % 4] = v[q];
  });
  if (p.transposed_a && p.transposed_b)
    multiply<Operands, true, true>(c, a, kPadded, b, kPadded, kProductDepth, lane);
  else if (p.transposed_a)
    multiply<Operands, true, false>(c, a, kPadded, b, kPadded, kProductDepth, lane);
  else if (p.transposed_b)
    multiply<Operands, false, true>(c, a, kPadded, b, kPadded, kProductDepth, lane);
  else
    multiply<Operands, false, false>(c, a, kPadded, b, kPadded, kProductDepth, lane);
  for_each_fragment<2, 4>([&](int i, int pair) {
    float v[8];
    for (int q = 0; q < 8; ++q) v[q] = c[i][2 * pair + q / 4][q % 4];
    store_fragment(at, kStride, i, pair, v);
  });
}

template <class Operands>
int launch_of(const ProductCase& c, CUstream_st* stream) {
  const std::size_t bytes =
      2 * shared_bytes<typename Operands::T>(static_cast<std::size_t>(kStride * (kStride + Operands::kPadding)));
  if (const int status = load(product_kernel<Operands>); status != 0) return status;  // no plan loads it
  return launch(product_kernel<Operands>, {1, 1, 32, bytes}, stream, c);
}

}  // namespace

int launch_product(const ProductCase& c, Operands operands, CUstream_st* stream) {
  return operands == Operands::bf16 ? launch_of<Bf16Operands>(c, stream) : launch_of<SplitTf32Operands>(c, stream);
}

}  // namespace kernels
}  // namespace scorematch
