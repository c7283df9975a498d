// The number of samples that go through the network together.
#pragma once
#include <algorithm>

#include "cpu/padded_net.h"
#include "engine/arena.h"

namespace scorematch::cpu {

constexpr int kTileRows = 64, kMaxTileRows = 256;
static_assert(kMaxTileRows <= kMaxOuterRows, "a weight gradient sums over the rows of a tile");

/// The most rows of a tile. The weights of a wide layer come from memory, so more rows share them, but not so many that
/// the rows themselves outgrow the caches.
inline int tile_rows(const PaddedNet& net) {
  return net.max_width() < 512 ? kTileRows : std::clamp((1 << 19) / net.max_width(), 16, kMaxTileRows);
}

/// Takes an array [rows, width].
inline float* take_rows(Arena& arena, int rows, int width) {
  return arena.take<float>(static_cast<std::size_t>(rows) * static_cast<std::size_t>(width));
}

}  // namespace scorematch::cpu
