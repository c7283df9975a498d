// Loads the parameters into shared memory: weights as bf16, with rows of the output layer and columns of the first one
// exchanged (narrow_column), and biases. Padding is zero.
#pragma once
#include "device/group.cuh"
#include "narrow/shape.cuh"

namespace scorematch {
namespace kernels {

/// A matrix in the caller's parameters.
struct NarrowMatrix {
  const float* from;
  int rows, columns;
  int stride;  // of rows, in elements

  /// All weights of a layer.
  SCOREMATCH_DEVICE static NarrowMatrix of(const float* params, const LayerPlace& layer) {
    return {params + layer.weight, layer.out, layer.in, layer.in};
  }
};

/// Loads a matrix, padded to [kRows, kColumns], times `scale`, by `threads` threads. Columns k and k + 1, k even, go to
/// the address word(row, k). A thread has kBatch pairs of columns at once, because every load takes hundreds of clocks;
/// rows need not be aligned. The caller synchronizes.
template <int kRows, int kColumns, bool kExchangedRows, bool kExchangedColumns, int kBatch, class Word>
SCOREMATCH_DEVICE void load_narrow_weights(const NarrowMatrix& m, float scale, int thread, int threads,
                                           const Word& word) {
  // If a warp has whole rows, a thread has the same columns in all of its rows, which saves most of the arithmetic.
  constexpr int kPairs = kColumns / 2;
  constexpr bool kWholeRows = 32 % kPairs == 0;
  const int step = threads / kPairs;
  const float* const from = ptx::in_global(m.from);
  SCOREMATCH_NO_UNROLL
  for (int first = thread; first < kRows * kPairs; first += kBatch * threads) {
    const auto row_of = [&](int i) { return kWholeRows ? first / kPairs + i * step : (first + i * threads) / kPairs; };
    const auto pair_of = [&](int i) { return kWholeRows ? first % kPairs : (first + i * threads) % kPairs; };
    float v[kBatch][2] = {};
    SCOREMATCH_UNROLL
    for (int i = 0; i < kBatch; ++i) {
      const int place = row_of(i), column = 2 * pair_of(i), row = kExchangedRows ? narrow_column(place) : place;
      if (place >= kRows || row >= m.rows) continue;
      if (column < m.columns) v[i][0] = from[row * m.stride + column];
      if (column + 1 < m.columns) v[i][1] = from[row * m.stride + column + 1];
    }
    SCOREMATCH_UNROLL
    for (int i = 0; i < kBatch; ++i) {
      const int row = row_of(i), pair = pair_of(i);
      const int column = kExchangedColumns ? pair / 8 * 16 + pair % 2 * 8 + pair % 8 / 2 * 2 : 2 * pair;
      if (row < kRows) *word(row, column) = ptx::pack_bf16(scale * v[i][0], scale * v[i][1]);
    }
  }
}

}  // namespace kernels
}  // namespace scorematch
