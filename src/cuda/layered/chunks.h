// A batch is processed in chunks of samples. The size of a full chunk does not depend on the batch. The last chunk is
// as small as its samples allow, so a small batch of a large plan costs little.
#pragma once
#include <algorithm>
#include <cstdint>

namespace scorematch::cuda {

constexpr std::int64_t kLeastRows = 64, kMostRows = 65536;
/// Elements of one array of a chunk, over all channels. A kernel finds the output of the previous one in the L2 cache,
/// and there is work for every multiprocessor (docs/performance.md).
constexpr std::int64_t kChunkElements = std::int64_t{1} << 22;
constexpr int kMostTangents = 8;  // directions that go through the network together

/// The rows of a chunk of `samples` samples: 64 times a power of two, at most `most`.
inline std::int64_t rows_for(std::int64_t samples, std::int64_t most) {
  std::int64_t rows = kLeastRows;
  while (rows < samples && rows < most) rows *= 2;
  return rows;
}

/// The rows of a full chunk.
inline std::int64_t chunk_rows(std::int64_t max_batch, int width, int channels) {
  std::int64_t rows = kMostRows;
  while (rows > kLeastRows && rows * width * channels > kChunkElements) rows /= 2;
  return rows_for(max_batch, rows);
}

/// Samples first ... first + samples - 1 of a call, in `rows` rows.
struct Chunk {
  std::int64_t first, samples, rows;
};

template <class Each>
void for_each_chunk(std::int64_t batch, std::int64_t most_rows, const Each& each) {
  for (std::int64_t first = 0; first < batch; first += most_rows) {
    const std::int64_t samples = std::min(most_rows, batch - first);
    each(Chunk{first, samples, rows_for(samples, most_rows)});
  }
}

/// Calls each(first direction, count) for every group of directions.
template <class Each>
void for_each_group(int directions, const Each& each) {
  for (int first = 0; first < directions; first += kMostTangents)
    each(first, std::min(kMostTangents, directions - first));
}

}  // namespace scorematch::cuda
