// out = value + constant - precision/2 |x|^2: adds a Gaussian log-density to one value per sample, in double.
#include "cpu/chunks.h"
#include "cpu/programs.h"

namespace scorematch::cpu {

void add_gaussian(ThreadPool& pool, const GaussianTerm& term) {
  const std::int64_t dim = term.x.shape.extent[1];
  const auto* value = static_cast<const float*>(term.value.data);
  auto* out = static_cast<float*>(term.out.data);
  const Chunks chunks(term.x.shape.extent[0]);
  pool.run(chunks.count(), [&](std::int64_t chunk, int) {
    chunks.for_each_tile(chunk, [&](std::int64_t first, int rows) {
      for (std::int64_t n = first; n < first + rows; ++n) {
        const float* x = static_cast<const float*>(term.x.data) + n * dim;
        double square = 0;
        for (std::int64_t i = 0; i < dim; ++i) square += static_cast<double>(x[i]) * static_cast<double>(x[i]);
        out[n] = static_cast<float>(static_cast<double>(value[n]) + term.constant - term.precision / 2 * square);
      }
    });
  });
}

}  // namespace scorematch::cpu
