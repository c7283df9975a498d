// More data than the caches hold. Each call takes the next batch.
#pragma once
#include <cstdint>

#include "scorematch/scorematch.h"

namespace scorematch::bench {

constexpr std::int64_t kHostPool = std::int64_t{1} << 26;  // bytes

/// Standard normal rows. The first rows are the same for every size.
class Pool {
 public:
  /// Holds at least one batch of `batch` rows.
  Pool(const Engine& engine, std::int64_t bytes, std::int64_t batch, int dim);

  /// Batch i; starts over after the last one.
  ConstView at(std::int64_t i) const { return ConstView(rows_).samples(i % batches_ * batch_, batch_); }
  const Buffer<float>& rows() const { return rows_; }

 private:
  std::int64_t batch_, batches_;
  Buffer<float> rows_;
};

}  // namespace scorematch::bench
