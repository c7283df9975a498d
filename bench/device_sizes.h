// The problem sizes of the GPU benchmarks.
#pragma once
#include <algorithm>
#include <cstdint>

namespace scorematch::bench {

struct DeviceSizes {
  std::int64_t pool_bytes = std::int64_t{1} << 28;  // of inputs, used in rotation: more than the L2 cache holds
  int product_width = 8192;                         // of the square matrices whose product is timed
  int warm_ups = 5, calls = 30;                     // per row
  std::int64_t divisor = 1;                         // of batches and of Adam's parameters

  std::int64_t scaled(std::int64_t count) const { return std::max(count / divisor, std::min<std::int64_t>(count, 64)); }
  double product_flops() const { return 2.0 * product_width * product_width * product_width; }
};

/// For an emulator: every row runs, but its times are meaningless.
inline constexpr DeviceSizes kSmallSizes{1 << 16, 64, 1, 2, 1024};

/// Set once, before the first row.
inline DeviceSizes device_sizes;

}  // namespace scorematch::bench
