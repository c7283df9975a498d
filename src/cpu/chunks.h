// The division of a batch into tiles of samples, and of the tiles into chunks. Each chunk has its own partial sums,
// which are added in order. The division depends only on the batch and the network, so results do not depend on the
// number of threads.
#pragma once
#include <algorithm>
#include <cstdint>

#include "cpu/thread_pool.h"
#include "cpu/tile/rows.h"
#include "scorematch/estimate.h"

namespace scorematch::cpu {

constexpr int kMaxChunks = 64;

/// As many as keep the partial gradients within 64 MiB, but at least 4.
inline int max_chunks(const PaddedNet& net) {
  return static_cast<int>(std::clamp<std::int64_t>((std::int64_t{1} << 24) / net.count(), 4, kMaxChunks));
}

class Chunks {
 public:
  /// @param most the largest number of chunks
  explicit Chunks(std::int64_t batch, int tile_rows = kTileRows, int most = kMaxChunks) : batch_(batch) {
    // Small batches are divided too, to use several threads.
    const std::int64_t quarter = std::max<std::int64_t>((batch + 3) / 4, kTileRows / 2);
    rows_ = static_cast<int>(std::min<std::int64_t>({quarter, batch, tile_rows}));
    tiles_ = (batch + rows_ - 1) / rows_;
    // More chunks use more threads; longer ones have fewer partial sums to add. So there are 16 until each has 4 tiles.
    count_ = std::min<std::int64_t>({tiles_, most, std::max<std::int64_t>(16, tiles_ / 4)});
  }
  /// Neither this nor count() falls when the batch grows.
  int tile_rows() const { return rows_; }
  std::int64_t count() const { return count_; }
  /// How many threads of the pool may work on chunks at the same time.
  std::size_t workers(const ThreadPool& pool) const { return count_ == 1 ? 1 : static_cast<std::size_t>(pool.size()); }

  /// Calls tile(first sample, rows) for each tile of the chunk, in order.
  template <class Tile>
  void for_each_tile(std::int64_t chunk, const Tile& tile) const {
    const std::int64_t end = (chunk + 1) * tiles_ / count_;
    for (std::int64_t t = chunk * tiles_ / count_; t < end; ++t)
      tile(t * rows_, static_cast<int>(std::min<std::int64_t>(rows_, batch_ - t * rows_)));
  }

 private:
  std::int64_t batch_, tiles_, count_;
  int rows_;
};

/// The chunks' estimates, merged in order.
inline Estimate merged(const Estimate (&of_chunks)[kMaxChunks], const Chunks& chunks) {
  Estimate all;
  for (std::int64_t chunk = 0; chunk < chunks.count(); ++chunk) all = all.merged(of_chunks[chunk]);
  return all;
}

}  // namespace scorematch::cpu
