// How many samples go through the network together.
#pragma once
#include <algorithm>

#include "cpu/padded_net.h"
#include "engine/arena.h"

namespace scorematch::cpu {

constexpr int kTileRows = 64, kMaxTileRows = 256;
static_assert(kMaxTileRows <= kMaxOuterRows, "a weight gradient sums over the rows of a tile");

/// A tile's rows at most. A wide layer's weights come from memory: more rows share them, as long as the rows themselves
/// do not grow beyond all caches.
inline int tile_rows(const PaddedNet& net) {
  return net.max_width() < 512 ? kTileRows : std::clamp((1 << 19) / net.max_width(), 16, kMaxTileRows);
}

/// An array [rows, width].
inline float* take_rows(Arena& arena, int rows, int width) {
  return arena.take<float>(static_cast<std::size_t>(rows) * static_cast<std::size_t>(width));
}

}  // namespace scorematch::cpu
