#include "pool.h"

#include <algorithm>

namespace scorematch::bench {

Pool::Pool(const Engine& engine, std::int64_t bytes, std::int64_t batch, int dim)
    : batch_(batch),
      batches_(std::max<std::int64_t>(1, bytes / (4 * batch * dim))),
      rows_(engine.allocate<float>({batches_ * batch, dim})) {
  const std::int64_t rows = batches_ * batch;
  Queue queue(engine, 0);
  const NoiseState noise(engine, /*seed=*/1);
  DirectionPlan(engine, dim, 1, Projection::gaussian, rows).run(queue, noise, View(rows_.data(), {1, rows, dim}));
  queue.synchronize();
}

}  // namespace scorematch::bench
