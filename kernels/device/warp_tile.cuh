// One warp's tile of a product: 16 kRowTiles rows times 16 kPairs columns, in the registers of its lanes in the layout
// of the tensor cores. With (g, t) = (lane / 4, lane % 4),
//
//   c[i][j][2 r + e] is row 16 i + 8 r + g, column 8 j + 2 t + e
#pragma once
#include "device/element.cuh"
#include "device/operands.cuh"

namespace scorematch {
namespace kernels {

template <int kRowTiles, int kPairs>
using WarpTile = float[kRowTiles][2 * kPairs][4];

/// c += a b over `depth`, a multiple of kDepth. a is [row][k] or, transposed, [k][row]; b is [column][k] or,
/// transposed, [k][column]. Both pointers are at the start of the tile. Called by a whole warp.
template <class Operands, bool kTransposedA, bool kTransposedB, int kRowTiles, int kColumnTiles>
SCOREMATCH_DEVICE void multiply(float (&c)[kRowTiles][kColumnTiles][4], const typename Operands::T* a, int a_stride,
                                const typename Operands::T* b, int b_stride, int depth, int lane) {
  SCOREMATCH_NO_UNROLL
  for (int k = 0; k < depth; k += Operands::kDepth) {
    typename Operands::A rows[kRowTiles];
    SCOREMATCH_UNROLL
    for (int i = 0; i < kRowTiles; ++i)
      if constexpr (kTransposedA)
        Operands::load_a_transposed(rows[i], a + k * a_stride + i * 16, a_stride, lane);
      else
        Operands::load_a(rows[i], a + i * 16 * a_stride + k, a_stride, lane);
    SCOREMATCH_UNROLL
    for (int pair = 0; pair < kColumnTiles / 2; ++pair) {
      typename Operands::B columns;
      if constexpr (kTransposedB)
        Operands::load_b_transposed(columns, b + k * b_stride + pair * 16, b_stride, lane);
      else
        Operands::load_b(columns, b + pair * 16 * b_stride + k, b_stride, lane);
      SCOREMATCH_UNROLL
      for (int i = 0; i < kRowTiles; ++i) {
        Operands::multiply(c[i][2 * pair], rows[i], columns, 0);
        Operands::multiply(c[i][2 * pair + 1], rows[i], columns, 1);
      }
    }
  }
}

SCOREMATCH_DEVICE void store2(float* p, float x, float y) { *reinterpret_cast<float2*>(p) = make_float2(x, y); }
SCOREMATCH_DEVICE void store2(bf16* p, float x, float y) {
  *reinterpret_cast<std::uint32_t*>(p) = ptx::pack_bf16(x, y);
}
SCOREMATCH_DEVICE float2 load2(const float* p) { return *reinterpret_cast<const float2*>(p); }
SCOREMATCH_DEVICE float2 load2(const bf16* p) {
  const std::uint32_t pair = *reinterpret_cast<const std::uint32_t*>(p);
  return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xFFFF0000u));
}

// ---- Fragments: the eight numbers that a lane has of 16 rows and 16 columns. Number 4 (j % 2) + 2 r + e of a fragment
// is c[i][j][2 r + e]. Layers process one fragment at a time, so that few numbers are live at once.

/// Calls each(i, pair) for every fragment `pair` of row tile i, which is c[i][2 pair] and c[i][2 pair + 1].
template <int kRowTiles, int kColumnTiles, class Each>
SCOREMATCH_DEVICE void for_each_fragment(const Each& each) {
  SCOREMATCH_UNROLL
  for (int i = 0; i < kRowTiles; ++i) SCOREMATCH_UNROLL
  for (int pair = 0; pair < kColumnTiles / 2; ++pair) each(i, pair);
}

/// A lane's fragment in an array of rows; `at` is the lane's first number of the tile.
template <class T>
SCOREMATCH_DEVICE void store_fragment(T* at, int stride, int i, int pair, const float (&v)[8]) {
  SCOREMATCH_UNROLL
  for (int q = 0; q < 8; q += 2)
    store2(at + (16 * i + (q >> 1 & 1) * 8) * stride + 16 * pair + (q >> 2) * 8, v[q], v[q + 1]);
}
template <class T>
SCOREMATCH_DEVICE void load_fragment(const T* at, int stride, int i, int pair, float (&v)[8]) {
  SCOREMATCH_UNROLL
  for (int q = 0; q < 8; q += 2) {
    const float2 two = load2(at + (16 * i + (q >> 1 & 1) * 8) * stride + 16 * pair + (q >> 2) * 8);
    v[q] = two.x;
    v[q + 1] = two.y;
  }
}

/// A lane's fragments in one array of rows. Made once for all fragments of a tile, because the compiler would compute
/// the address again after every store.
template <class T>
struct TileFragments {
  T* at;
  int stride;

  SCOREMATCH_DEVICE void store(int i, int pair, const float (&v)[8]) const { store_fragment(at, stride, i, pair, v); }
  /// v += the stored fragment.
  SCOREMATCH_DEVICE void add_to(int i, int pair, float (&v)[8]) const {
    float more[8];
    load_fragment(at, stride, i, pair, more);
    SCOREMATCH_UNROLL
    for (int q = 0; q < 8; ++q) v[q] += more[q];
  }
};

// ---- A lane's own memory: fragments that a lane saves for itself, in vectors of sixteen bytes, with the vectors of
// the block's threads adjacent. It needs no barrier, has no bank conflicts and, in global memory, uses whole sectors.

/// The number of sixteen-byte vectors per fragment.
template <class T>
__host__ __device__ constexpr int saved_vectors() {
  return static_cast<int>(sizeof(T)) / 2;
}

/// @param at this thread's vector of this fragment
/// @param threads the distance between two vectors of a thread, in vectors
SCOREMATCH_DEVICE void save(float4* at, int threads, const float (&v)[8], const float*) {
  at[0] = make_float4(v[0], v[1], v[2], v[3]);
  at[threads] = make_float4(v[4], v[5], v[6], v[7]);
}
SCOREMATCH_DEVICE void save(float4* at, int, const float (&v)[8], const bf16*) {
  *reinterpret_cast<uint4*>(at) = make_uint4(ptx::pack_bf16(v[0], v[1]), ptx::pack_bf16(v[2], v[3]),
                                             ptx::pack_bf16(v[4], v[5]), ptx::pack_bf16(v[6], v[7]));
}
SCOREMATCH_DEVICE void load(const float4* at, int threads, float (&v)[8], const float*) {
  const float4 low = at[0], high = at[threads];
  v[0] = low.x, v[1] = low.y, v[2] = low.z, v[3] = low.w;
  v[4] = high.x, v[5] = high.y, v[6] = high.z, v[7] = high.w;
}
SCOREMATCH_DEVICE void load(const float4* at, int, float (&v)[8], const bf16*) {
  const uint4 four = *reinterpret_cast<const uint4*>(at);
  const std::uint32_t words[4] = {four.x, four.y, four.z, four.w};
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) {
    v[2 * i] = __uint_as_float(words[i] << 16);
    v[2 * i + 1] = __uint_as_float(words[i] & 0xFFFF0000u);
  }
}

/// A lane's fragments of one tile, saved as Saved in kSpace. Made once for all of them, like TileFragments.
template <class Saved, Space kSpace>
struct SavedFragments {
  float4* lane;  // the lane's first vector
  int threads;   // distance between two vectors of a lane, in vectors
  int first;     // offset of these fragments in vectors: pointers to all places would take too many registers

  SCOREMATCH_DEVICE void save(int i, int pair, const float (&v)[8]) const {
    kernels::save(place(i, pair), threads, v, static_cast<const Saved*>(nullptr));
  }
  SCOREMATCH_DEVICE void load(int i, int pair, float (&v)[8]) const {
    kernels::load(place(i, pair), threads, v, static_cast<const Saved*>(nullptr));
  }
  /// v += the saved fragment, unless this is the first; then saves v in its place.
  SCOREMATCH_DEVICE void add(int i, int pair, float (&v)[8], bool first) const {
    if (!first) {
      float before[8];
      load(i, pair, before);
      SCOREMATCH_UNROLL
      for (int q = 0; q < 8; ++q) v[q] += before[q];
    }
    save(i, pair, v);
  }

 private:
  SCOREMATCH_DEVICE float4* place(int i, int pair) const {
    return ptx::in<kSpace>(lane) + (first + (2 * i + pair) * saved_vectors<Saved>() * threads);
  }
};

}  // namespace kernels
}  // namespace scorematch
