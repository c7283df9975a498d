// One step of a sampler: out = x + f1 s + f2 s' + f3 z.
#include "reference/arrays.h"
#include "reference/programs.h"

namespace scorematch::reference {

void sampler_update(const SamplerUpdate& update) {
  const std::int64_t batch = update.out.shape.extent[0];
  const int dim = static_cast<int>(update.out.shape.extent[1]);
  check_noise_range(update.noise, batch);
  for (std::int64_t n = 0; n < batch; ++n) {
    std::vector<double> out(static_cast<std::size_t>(dim), 0.0);
    const auto add = [&](double factor, const std::vector<double>& values) {
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += factor * values[i];
    };
    if (!update.x.empty()) add(1, row(update.x, n));
    if (!update.score.empty()) add(update.score_factor, row(update.score, n));
    if (!update.second_score.empty()) add(update.second_factor, row(update.second_score, n));
    if (update.noise_factor != 0) {
      const SampleNoise noise(update.noise, n);
      add(update.noise_factor, normals(dim, [&](std::uint32_t group) {
            return update.index == SamplerUpdate::kInitial ? noise.block(philox::Purpose::sampler_init, group)
                                                           : noise.sampler_block(update.index, group);
          }));
    }
    put(update.out, n, out);
  }
}

}  // namespace scorematch::reference
