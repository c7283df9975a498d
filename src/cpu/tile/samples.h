// The perturbation of one tile: its samples, and the sigma, eps and directions that are given or drawn for them.
#pragma once
#include <cstdint>

#include "cpu/coefficients.h"
#include "cpu/simd/noise.h"
#include "cpu/tile/rows.h"
#include "engine/arena.h"
#include "engine/backend.h"
#include "engine/host_engine.h"
#include "model/network.h"
#include "model/noise_process.h"

namespace scorematch::cpu {

/// The position of sample `first` of a batch in the noise.
inline Draw draw_at(const NoiseRef& noise, philox::Purpose purpose, std::int64_t first, std::uint32_t direction) {
  const auto& at = *static_cast<const NoiseState::Position*>(noise.state);
  return {at.seed, static_cast<std::uint64_t>(at.step),
          static_cast<std::uint64_t>(at.first_sample + noise.sample_offset + first), purpose, direction};
}

struct TileSamples {
  /// For tiles of at most `capacity` rows.
  TileSamples(int dim, int capacity, Arena& arena);

  std::int64_t first = 0;  // the tile's place in the batch
  int rows = 0;
  float* x;       // [rows, padded(dim)]
  float* eps;     // [rows, padded(dim)]; zero without perturbation
  double* sigma;  // [rows]
  // Of each row: its context, or its class if that is not -1; has_context: it has either.
  const float* context[kMaxTileRows];
  std::int64_t label[kMaxTileRows];
  bool has_context[kMaxTileRows];
};

/// The distribution of sigma, with its table. A plan makes it once.
struct NoiseLevels {
  explicit NoiseLevels(const NoiseSchedule& schedule_) : schedule(schedule_), table(noise_table_of(schedule_)) {}

  NoiseSchedule schedule;
  std::vector<double> table;
};

/// The source of the samples of all tiles of a call.
class SampleSource {
 public:
  /// in.x may be empty.
  /// @param levels must outlive this
  /// @param dropout of the loss
  SampleSource(const Batch& in, const NoiseLevels& levels, bool perturbed, int dim, const Context& context,
               double dropout = 0)
      : x_(in.x),
        sigma_(in.sigma),
        eps_(in.eps),
        levels_(levels),
        row_of_(in),
        context_(in.context),
        labels_(in.labels),
        context_row_(in, context, dropout),
        noise_(in.noise),
        perturbed_(perturbed),
        dim_(dim) {}

  void load(std::int64_t first, int rows, TileSamples& tile) const;
  /// Writes direction m of the tile's samples, given or drawn. @param to [rows, stride], zero past dim
  void load_direction(const ConstView& given, Projection distribution, int m, const TileSamples& tile, float* to,
                      int stride) const;

 private:
  double sigma_of(std::int64_t n) const;
  void load_context(std::int64_t n, int r, TileSamples& tile) const;

  ConstView x_, sigma_, eps_;
  const NoiseLevels& levels_;
  RowIndex row_of_;
  ConstView context_, labels_;
  ContextRows context_row_;
  NoiseRef noise_;
  bool perturbed_;
  int dim_;
};

/// Writes x_tilde = x + point sigma eps, and the network's input: c x_tilde, e(sigma), context, zeros. @param x_tilde
/// [rows, padded(dim)] @param to [rows, stride], or null
void fill_input(const TileSamples& tile, double point, const Parameterization& parameterization,
                const Conditioning& conditioning, const Context& context, int dim, float* x_tilde, float* to,
                int stride);

}  // namespace scorematch::cpu
