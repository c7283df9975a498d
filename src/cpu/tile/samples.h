// The prologue of one tile: its samples, and what is given or drawn for them.
#pragma once
#include <cstdint>

#include "cpu/coefficients.h"
#include "cpu/simd/noise.h"
#include "cpu/tile/rows.h"
#include "engine/arena.h"
#include "engine/backend.h"
#include "engine/host_engine.h"
#include "model/network.h"

namespace scorematch::cpu {

/// Where sample `first` of a batch stands in its noise.
inline Draw draw_at(const NoiseRef& noise, philox::Purpose purpose, std::int64_t first, std::uint32_t direction) {
  const auto& at = *static_cast<const NoiseState::Position*>(noise.state);
  return {at.seed, static_cast<std::uint64_t>(at.step),
          static_cast<std::uint64_t>(at.first_sample + noise.sample_offset + first), purpose, direction};
}

struct TileSamples {
  /// For tiles of `capacity` rows at most.
  TileSamples(int dim, int capacity, Arena& arena);

  std::int64_t first = 0;  // the tile's place in the batch
  int rows = 0;
  float* x;       // [rows, padded(dim)]
  float* eps;     // likewise; zero where nothing perturbs
  double* sigma;  // [rows]
};

/// Where a tile's samples come from; one for a whole call.
class SampleSource {
 public:
  /// x may be absent.
  SampleSource(const Batch& in, const NoiseSchedule& schedule, bool perturbed, int dim)
      : x_(in.x),
        sigma_(in.sigma),
        eps_(in.eps),
        schedule_(schedule),
        row_of_(in),
        noise_(in.noise),
        perturbed_(perturbed),
        dim_(dim) {}

  void load(std::int64_t first, int rows, TileSamples& tile) const;
  /// Direction m of the tile's samples, given or drawn. @param to [rows, stride], zero past dim
  void load_direction(const ConstView& given, Projection law, int m, const TileSamples& tile, float* to,
                      int stride) const;

 private:
  double sigma_of(std::int64_t n) const;

  ConstView x_, sigma_, eps_;
  NoiseSchedule schedule_;
  RowIndex row_of_;
  NoiseRef noise_;
  bool perturbed_;
  int dim_;
};

/// Writes v [rows, dim] from the law.
void fill_direction(const Draw& draw, Projection law, int rows, int dim, float* to, std::int64_t stride);

/// e_i in each row. @param to [rows, stride]
void fill_unit_direction(int i, int rows, float* to, int stride);

/// The network's input for x_tilde = x + p sigma eps: c x_tilde, e(sigma), zeros. @param to [rows, stride], or null
/// x_tilde [rows, padded(dim)] is written on the way.
void fill_input(const TileSamples& tile, double point, const Parameterization& parameterization,
                const Conditioning& conditioning, int dim, float* x_tilde, float* to, int stride);

}  // namespace scorematch::cpu
