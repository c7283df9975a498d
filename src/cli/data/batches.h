/// @file
/// Samples that are drawn in parts.
#pragma once
#include <algorithm>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "cli/data/matrix.h"
#include "scorematch/buffer.h"
#include "scorematch/error.h"

namespace scorematch::cli {

/// `count` rows [count, d], at most n at a time, where `x` is [n, d].
/// @param draw (first, part) draws the samples first, first + 1, ... into `part` and returns their values
/// @param count_name names the count in the error
/// @throws Error out_of_memory before the first sample, not after hours
template <typename Draw>
Matrix in_batches(Buffer<float>& x, std::int64_t count, const std::string& count_name, Draw&& draw) {
  const std::int64_t batch = x.shape().extent[0], dim = x.shape().extent[1];
  Matrix all{count, dim, {}};
  try {
    all.values.reserve(static_cast<std::size_t>(count * dim));
  } catch (const std::exception&) {
    throw Error(ErrorCode::out_of_memory, count_name,
                count_name + ": expected memory for " + std::to_string(count) + " samples of " + std::to_string(dim) +
                    " values, got none");
  }
  for (std::int64_t first = 0; first < count; first += batch) {
    const std::vector<float> values = draw(first, x.samples(0, std::min(batch, count - first)));
    all.values.insert(all.values.end(), values.begin(), values.end());
  }
  return all;
}

}  // namespace scorematch::cli
