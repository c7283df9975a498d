// The random numbers of a sample, in float, from the integers of philox.h. One counter yields one group.
#pragma once
#include "device/group.cuh"
#include "device/ptx.cuh"
#include "launchers.h"
#include "scorematch/distinct.h"
#include "scorematch/noise_table.h"
#include "scorematch/philox.h"

namespace scorematch {
namespace kernels {

/// Two normals by Box & Muller (1958). logf, sqrtf and sincospif each have an error of at most 1 ulp.
SCOREMATCH_DEVICE void normal_pair(std::uint32_t radius_word, std::uint32_t angle_word, float* z) {
  const float radius = sqrtf(-2.0f * logf(philox::uniform(radius_word)));
  float sine, cosine;
  sincospif(2.0f * philox::uniform(angle_word), &sine, &cosine);
  z[0] = radius * cosine;
  z[1] = radius * sine;
}

/// Two normals by the special function unit, within 2^-16 (docs/numerics.md, "Fast normals"). Its log2 has an absolute
/// error of 2^-22 even for small results, so a series replaces it near u = 1.
SCOREMATCH_DEVICE void fast_normal_pair(std::uint32_t radius_word, std::uint32_t angle_word, float* z) {
  constexpr float kMinusTwoLn2 = -1.38629436f, kTwoPi = 6.28318531f;
  const float u = philox::uniform(radius_word), w = 1.0f - u;
  const float square = w < 0x1p-6f ? w * fmaf(w, fmaf(w, 2.0f / 3.0f, 1.0f), 2.0f) : kMinusTwoLn2 * ptx::lg2_approx(u);
  // Shifted by half a turn, to [-pi, pi], where sine and cosine are most accurate; -radius makes up for it.
  const float radius = -ptx::sqrt_approx(square), angle = kTwoPi * (philox::uniform(angle_word) - 0.5f);
  z[0] = radius * ptx::cos_approx(angle);
  z[1] = radius * ptx::sin_approx(angle);
}

/// The position of one sample in the noise.
struct SampleNoise {
  std::uint64_t seed, step, sample;
  bool is_fast;

  SCOREMATCH_DEVICE philox::Block block(philox::Purpose purpose, std::uint32_t group,
                                        std::uint32_t direction = 0) const {
    return philox::philox4x32_10(philox::counter(purpose, step, sample, group, direction), seed);
  }
  SCOREMATCH_DEVICE philox::Block sampler_block(std::uint64_t index, std::uint32_t group) const {
    return philox::philox4x32_10(philox::sampler_counter(index, step, sample, group), seed);
  }
  /// The four normals of a block.
  SCOREMATCH_DEVICE void normals4(const philox::Block& r, float (&z)[4]) const {
    if (is_fast) {
      fast_normal_pair(r.word[0], r.word[1], z);
      fast_normal_pair(r.word[2], r.word[3], z + 2);
    } else {
      normal_pair(r.word[0], r.word[1], z);
      normal_pair(r.word[2], r.word[3], z + 2);
    }
  }
};

/// The position of row n of the call. Meaningless if the call draws nothing and gives no position.
SCOREMATCH_DEVICE SampleNoise sample_noise(const Noise& noise, std::int64_t n) {
  if (noise.position == nullptr) return {0, 0, 0, false};
  const NoisePosition& p = *ptx::in_global(noise.position);
  return {p.seed, static_cast<std::uint64_t>(p.step),
          static_cast<std::uint64_t>(p.first_sample + noise.sample_offset + n), noise.fast_normals};
}

/// sigma of row n. In double, because a power of a large ratio would cost several bits in float; it is computed once
/// per row.
SCOREMATCH_DEVICE float draw_sigma(const SigmaSource& sigma, const Noise& noise, std::int64_t n) {
  using Kind = NoiseSchedule::Kind;
  const NoiseSchedule& schedule = sigma.schedule;
  if (schedule.kind == Kind::none) return 1.0f;
  if (schedule.kind == Kind::single) return static_cast<float>(schedule.sigma_max);
  const philox::Block r = sample_noise(noise, n).block(philox::Purpose::sigma, 0);
  const double u = static_cast<double>(philox::uniform(r.word[0]));
  const std::uint64_t level = std::uint64_t{r.word[0]} * static_cast<std::uint64_t>(schedule.levels) >> 32;
  if (schedule.kind == Kind::geometric) {
    if (schedule.levels == 1) return static_cast<float>(schedule.sigma_max);
    const double fraction = schedule.levels == 0 ? u : static_cast<double>(level) / (schedule.levels - 1);
    return static_cast<float>(schedule.sigma_max * exp(fraction * sigma.log_ratio));
  }
  if (schedule.kind == Kind::ddpm) return static_cast<float>(exp(ptx::in_global(sigma.table)[level]));
  const bool is_normal = schedule.kind == Kind::log_normal;
  const double log_u = log(is_normal ? u : u / (1.0 - u));
  if (!is_normal) return static_cast<float>(exp(noise_table::log_sigma(ptx::in_global(sigma.table), log_u)));
  const double radius = sqrt(-2.0 * log_u);
  return static_cast<float>(exp(schedule.log_mean + schedule.log_deviation * radius *
                                                        cospi(2.0 * static_cast<double>(philox::uniform(r.word[1])))));
}

SCOREMATCH_DEVICE float sigma_of(const SigmaSource& sigma, const Noise& noise, std::int64_t n) {
  if (sigma.given != nullptr) return ptx::in_global(sigma.given)[n * sigma.given_stride];
  return draw_sigma(sigma, noise, n);
}

/// eps of sample n of the call, four columns at a time; zero at columns `dim` and beyond. Must not be used if x is not
/// perturbed. The eps that a fused kernel has saved is in the memory of the tile, kTile.
template <Space kTile = Space::global>
struct SampleEps {
  SampleNoise noise;
  const float* given;
  int dim;
  bool is_perturbed, is_saved;

  SCOREMATCH_DEVICE SampleEps(const EpsSource& eps, const Noise& source, std::int64_t n, int columns)
      : noise(sample_noise(source, n)),
        given(eps.given.data == nullptr ? nullptr : eps.given.data + n * eps.given.stride),
        dim(columns),
        is_perturbed(eps.perturbed),
        is_saved(false) {}

  /// Reads the saved values of the row instead of drawing.
  SCOREMATCH_DEVICE void read_saved(const float* row) {
    given = row;
    is_saved = true;
  }

  SCOREMATCH_DEVICE void get4(int group, float (&values)[4]) const {
    if (kTile == Space::shared && is_saved) return read4(ptx::in<kTile>(given), group, dim, values);
    if (given != nullptr) return read4(ptx::in_global(given), group, dim, values);
    noise.normals4(noise.block(philox::Purpose::eps, static_cast<std::uint32_t>(group)), values);
    clear_from(dim, group, values);
  }
};

/// v_m of sample n of the call, four columns at a time; zero at columns `dim` and beyond.
struct SampleDirection {
  // One register instead of two: a distribution, with the same number as in Projection, or the unit vectors.
  enum class Kind { gaussian, rademacher, sphere, hadamard, coordinates, orthogonal, basis };
  static_assert(static_cast<int>(Projection::gaussian) == static_cast<int>(Kind::gaussian) &&
                static_cast<int>(Projection::rademacher) == static_cast<int>(Kind::rademacher) &&
                static_cast<int>(Projection::sphere) == static_cast<int>(Kind::sphere) &&
                static_cast<int>(Projection::hadamard) == static_cast<int>(Kind::hadamard) &&
                static_cast<int>(Projection::coordinates) == static_cast<int>(Kind::coordinates) &&
                static_cast<int>(Projection::orthogonal) == static_cast<int>(Kind::orthogonal));
  Kind kind;
  SampleNoise noise;
  const float* given;
  int m, dim;
  /// What all columns share: the factor that puts normals on the sphere, the row of the Hadamard matrix, or the
  /// coordinate. The last two are integers below 2^20.
  float row_value = 1.0f;

  SCOREMATCH_DEVICE SampleDirection(const DirectionSource& source, const Noise& noise_, int index, std::int64_t n,
                                    int columns)
      : kind(source.is_basis ? Kind::basis : static_cast<Kind>(source.distribution)),
        noise(sample_noise(noise_, n)),
        given(source.given == nullptr ? nullptr : source.given + index * source.given_plane + n * source.given_stride),
        m(index),
        dim(columns) {}

  /// Whether row_value must be found before get4() is called.
  SCOREMATCH_DEVICE bool has_row_value() const {
    return given == nullptr && (kind == Kind::sphere || kind == Kind::hadamard || kind == Kind::coordinates);
  }
  /// Called by whole warps; a row with `is_sample` false is left unchanged.
  SCOREMATCH_DEVICE void find_row_value(bool is_sample, const RowLanes& lanes, int lane) {
    if (kind == Kind::sphere) return scale_to_sphere(is_sample, lanes, lane);
    if (!is_sample) return;
    const auto index = static_cast<std::uint32_t>(m);
    row_value = static_cast<float>(kind == Kind::hadamard
                                       ? distinct::hadamard_row(noise.seed, noise.step, noise.sample, index, dim)
                                       : distinct::coordinate(noise.seed, noise.step, noise.sample, index, dim));
  }

  SCOREMATCH_DEVICE void get4(int group, float (&values)[4]) const {
    if (given != nullptr) return read4(ptx::in_global(given), group, dim, values);
    switch (kind) {
      case Kind::basis:
        get_unit4(group, m, 1.0f, values);
        break;
      case Kind::coordinates:
        get_unit4(group, static_cast<int>(row_value), sqrtf(static_cast<float>(dim)), values);
        break;
      case Kind::rademacher:
      case Kind::hadamard:
        get_signs4(static_cast<std::uint32_t>(4 * group), values);
        break;
      case Kind::gaussian:
      case Kind::sphere:
      case Kind::orthogonal:  // refused by the engine
        noise.normals4(block(static_cast<std::uint32_t>(group), m), values);
        SCOREMATCH_UNROLL
        for (int i = 0; i < 4; ++i) values[i] *= row_value;
        break;
    }
    clear_from(dim, group, values);
  }

 private:
  /// Sets the factor that puts v_m on the sphere of radius sqrt(dim).
  SCOREMATCH_DEVICE void scale_to_sphere(bool is_sample, const RowLanes& lanes, int lane) {
    float square = 0.0f;
    for (int g = lane; is_sample && g < group_count(dim); g += lanes.lanes()) {
      float v[4];
      get4(g, v);
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) square = fmaf(v[i], v[i], square);
    }
    square = lanes.sum(square);
    if (is_sample) row_value = sqrtf(static_cast<float>(dim) / square);
  }
  SCOREMATCH_DEVICE philox::Block block(std::uint32_t group, int direction) const {
    return noise.block(philox::Purpose::direction, group, static_cast<std::uint32_t>(direction));
  }
  SCOREMATCH_DEVICE static void get_unit4(int group, int at, float length, float (&values)[4]) {
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) values[i] = 4 * group + i == at ? length : 0.0f;
  }
  /// Random signs, those of direction 0 times a row of the Hadamard matrix, or those of direction m.
  SCOREMATCH_DEVICE void get_signs4(std::uint32_t at, float (&values)[4]) const {
    const bool is_hadamard = kind == Kind::hadamard;
    const philox::Block r = block(at / 128, is_hadamard ? 0 : m);
    // The bits of philox::sign; a group's are in one word. An index would put the block into local memory.
    const std::uint32_t w = at / 32 % 4;
    std::uint32_t bits = (w < 2 ? w == 0 ? r.word[0] : r.word[1] : w == 2 ? r.word[2] : r.word[3]) >> (at & 31);
    if (is_hadamard) {
      const auto row = static_cast<std::uint32_t>(row_value);
      constexpr std::uint32_t kColumns = 0x6CA0u;  // 4 bits per row mod 4: the signs of columns 0 ... 3
      bits ^= kColumns >> 4 * (row & 3) ^ (distinct::parity(row & at) != 0 ? 0xFu : 0u);
    }
    SCOREMATCH_UNROLL
    for (std::uint32_t i = 0; i < 4; ++i) values[i] = (bits >> i & 1) != 0 ? -1.0f : 1.0f;
  }
};

/// Which row of x is sample n.
SCOREMATCH_DEVICE std::int64_t row_of(const DataRows& data, const Noise& noise, std::int64_t n) {
  if (data.drawn)
    return static_cast<std::int64_t>(philox::index(sample_noise(noise, n).block(philox::Purpose::row, 0),
                                                   static_cast<std::uint64_t>(data.row_count)));
  return data.rows != nullptr ? ptx::in_global(data.rows)[n] : n;
}

/// The row of x of sample n.
SCOREMATCH_DEVICE const float* data_row(const DataRows& data, const Noise& noise, std::int64_t n) {
  return data.x.data + row_of(data, noise, n) * data.x.stride;
}

}  // namespace kernels
}  // namespace scorematch
