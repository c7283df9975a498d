// One step of a sampler: out = x + f1 s + f2 s' + f3 z.
#include <algorithm>

#include "cpu/chunks.h"
#include "cpu/programs.h"
#include "cpu/simd/noise.h"
#include "cpu/simd/row_sums.h"
#include "cpu/tile/samples.h"
#include "engine/host_engine.h"

namespace scorematch::cpu {
namespace {

const float* row_of(const ConstView& view, std::int64_t n) {
  return view.empty() ? nullptr : static_cast<const float*>(view.data) + n * view.stride[0];
}

Draw noise_draw(const SamplerUpdate& update, std::int64_t n) {
  if (update.index == SamplerUpdate::kInitial) return draw_at(update.noise, philox::Purpose::sampler_init, n, 0);
  const auto k = static_cast<std::uint64_t>(update.index);
  return draw_at(update.noise, philox::sampler_purpose(k), n, philox::sampler_direction(k));
}

void update_sample(const SamplerUpdate& update, std::int64_t n, int dim, const float* z) {
  update_row(dim, row_of(update.x, n),
             {{static_cast<float>(update.score_factor), row_of(update.score, n)},
              {static_cast<float>(update.second_factor), row_of(update.second_score, n)},
              {static_cast<float>(update.noise_factor), z}},
             static_cast<float*>(update.out.data) + n * update.out.stride[0]);
}

}  // namespace

void sampler_update(ThreadPool& pool, const SamplerUpdate& update) {
  const std::int64_t batch = update.out.shape.extent[0];
  const int dim = static_cast<int>(update.out.shape.extent[1]);
  check_noise_range(update.noise, batch);
  const Chunks chunks(batch);
  pool.run(chunks.count(), [&](std::int64_t chunk, int) {
    std::vector<float> z(update.noise_factor != 0 ? static_cast<std::size_t>(dim) : 0);
    chunks.for_each_tile(chunk, [&](std::int64_t first, int rows) {
      for (std::int64_t n = first; n < first + rows; ++n) {
        if (!z.empty()) fill_normal(noise_draw(update, n), 1, dim, z.data(), dim);
        update_sample(update, n, dim, z.empty() ? nullptr : z.data());
      }
    });
  });
}

}  // namespace scorematch::cpu
