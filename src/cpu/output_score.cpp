// The score of the caller's own network from its output, and its divergence along directions, in double.
#include "cpu/chunks.h"
#include "cpu/coefficients.h"
#include "cpu/programs.h"
#include "cpu/simd/row_sums.h"

namespace scorematch::cpu {
namespace {

const float* row_of(const ConstView& view, std::int64_t n, std::int64_t m = 0) {
  const int rank = view.shape.rank;
  return static_cast<const float*>(view.data) + n * view.stride[rank - 2] + (rank > 2 ? m * view.stride[0] : 0);
}

void store_score(const OutputScore& call, const Coefficients& k, std::int64_t n, int dim) {
  score_row(k.a, k.b, dim, row_of(call.x, n), row_of(call.output, n), nullptr,
            static_cast<float*>(call.score.data) + n * call.score.stride[0]);
}

/// sum_m v_m^T (a v_m + b c (dF/dz) v_m)
double along(const OutputScore& call, const Coefficients& k, std::int64_t n, std::int64_t dim) {
  double sum = 0;
  for (std::int64_t m = 0; m < call.jvp.shape.extent[0]; ++m) {
    const float *v = row_of(call.directions, n, m), *jvp = row_of(call.jvp, n, m);
    for (std::int64_t i = 0; i < dim; ++i) {
      const auto each = static_cast<double>(v[i]);
      sum += each * (k.a * each + k.b * k.c * static_cast<double>(jvp[i]));
    }
  }
  return sum;
}

}  // namespace

void output_score(ThreadPool& pool, const OutputScore& call) {
  const std::int64_t dim = call.x.shape.extent[1];
  const auto* sigma = static_cast<const float*>(call.sigma.data);
  auto* divergence = static_cast<float*>(call.divergence.data);
  const Chunks chunks(call.x.shape.extent[0]);
  pool.run(chunks.count(), [&](std::int64_t chunk, int) {
    chunks.for_each_tile(chunk, [&](std::int64_t first, int rows) {
      for (std::int64_t n = first; n < first + rows; ++n) {
        const Coefficients k = coefficients(call.parameterization, static_cast<double>(sigma[n]));
        if (!call.score.empty()) store_score(call, k, n, static_cast<int>(dim));
        if (divergence == nullptr) continue;
        const double before = call.add_divergence ? static_cast<double>(divergence[n]) : 0;
        divergence[n] = static_cast<float>(before + call.weight * along(call, k, n, dim));
      }
    });
  });
}

}  // namespace scorematch::cpu
