// The minimum work of a job: the only place where flops and bytes are counted (docs/performance.md, section "Counts").
#pragma once
#include "job.h"

namespace scorematch::bench {

struct Work {
  double flops = 0;  ///< multiplications and additions of matrix products
  double bytes = 0;  ///< x read once, parameters once; their gradient, scores or samples written once
};

/// For the whole batch, by the fewest products known for its objective, whatever the engine does.
Work work_of(const Job& job);

}  // namespace scorematch::bench
