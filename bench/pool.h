// Data in more memory than caches hold, from which every call takes the next batch.
#pragma once
#include <cstdint>

#include "scorematch/scorematch.h"

namespace scorematch::bench {

constexpr std::int64_t kHostPool = std::int64_t{1} << 26;  // bytes

/// Standard normal rows; the first ones do not depend on the size.
class Pool {
 public:
  /// Batches of `batch` rows, at least one of them.
  Pool(const Engine& engine, std::int64_t bytes, std::int64_t batch, int dim);

  /// Batch i, from the first again after the last.
  ConstView at(std::int64_t i) const { return ConstView(rows_).samples(i % batches_ * batch_, batch_); }
  const Buffer<float>& rows() const { return rows_; }

 private:
  std::int64_t batch_, batches_;
  Buffer<float> rows_;
};

}  // namespace scorematch::bench
