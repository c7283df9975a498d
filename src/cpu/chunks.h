// How a batch is cut: into tiles of kTileRows samples, and those into chunks, whose partial sums are added in order.
// Both depend on the batch alone, so that results do not depend on the threads.
#pragma once
#include <algorithm>
#include <cstdint>

#include "cpu/padded_net.h"
#include "cpu/thread_pool.h"

namespace scorematch::cpu {

class Chunks {
 public:
  explicit Chunks(std::int64_t batch) : batch_(batch), tiles_((batch + kTileRows - 1) / kTileRows) {
    // Long chunks spare additions of partial gradients, many chunks feed many threads: 16 chunks until they are 8 tiles
    // long.
    tiles_a_chunk_ = std::clamp<std::int64_t>(tiles_ / 16, 1, 8);
  }
  std::int64_t count() const { return (tiles_ + tiles_a_chunk_ - 1) / tiles_a_chunk_; }

  /// tile(first sample, rows) for each tile of the chunk, in order.
  template <class Tile>
  void for_each_tile(std::int64_t chunk, const Tile& tile) const {
    const std::int64_t end = std::min(tiles_, (chunk + 1) * tiles_a_chunk_);
    for (std::int64_t t = chunk * tiles_a_chunk_; t < end; ++t)
      tile(t * kTileRows, static_cast<int>(std::min<std::int64_t>(kTileRows, batch_ - t * kTileRows)));
  }

 private:
  std::int64_t batch_, tiles_, tiles_a_chunk_;
};

}  // namespace scorematch::cpu
