// What is drawn for a sample, in float: the laws of philox.h's integers. A group is what one counter yields.
#pragma once
#include "device/group.cuh"
#include "device/ptx.cuh"
#include "launchers.h"
#include "scorematch/philox.h"

namespace scorematch {
namespace kernels {

/// One sample's place in the noise.
struct SampleNoise {
  std::uint64_t seed, step, sample;

  SCOREMATCH_DEVICE philox::Block block(philox::Purpose purpose, std::uint32_t group,
                                        std::uint32_t direction = 0) const {
    return philox::philox4x32_10(philox::counter(purpose, step, sample, group, direction), seed);
  }
  SCOREMATCH_DEVICE philox::Block sampler_block(std::uint64_t index, std::uint32_t group) const {
    return philox::philox4x32_10(philox::sampler_counter(index, step, sample, group), seed);
  }
};

/// Of row n of the call.
SCOREMATCH_DEVICE SampleNoise sample_noise(const Noise& noise, std::int64_t n) {
  const NoisePosition& p = *noise.position;
  return {p.seed, static_cast<std::uint64_t>(p.step),
          static_cast<std::uint64_t>(p.first_sample + noise.sample_offset + n)};
}

/// Two normals by Box & Muller (1958). logf, sqrtf and sincospif each err by at most 1 ulp.
SCOREMATCH_DEVICE void normal_pair(std::uint32_t radius_word, std::uint32_t angle_word, float* z) {
  const float radius = sqrtf(-2.0f * logf(philox::uniform(radius_word)));
  float sine, cosine;
  sincospif(2.0f * philox::uniform(angle_word), &sine, &cosine);
  z[0] = radius * cosine;
  z[1] = radius * sine;
}

SCOREMATCH_DEVICE void normals4(const philox::Block& r, float (&z)[4]) {
  normal_pair(r.word[0], r.word[1], z);
  normal_pair(r.word[2], r.word[3], z + 2);
}

/// sigma of row n. In double: once a row, and a power of a large ratio would cost float several bits.
SCOREMATCH_DEVICE float draw_sigma(const SigmaLaw& law, const Noise& noise, std::int64_t n) {
  if (law.kind == SigmaLaw::Kind::one) return 1.0f;
  if (law.kind == SigmaLaw::Kind::single) return static_cast<float>(law.high);
  const philox::Block r = sample_noise(noise, n).block(philox::Purpose::sigma, 0);
  const double u = static_cast<double>(philox::uniform(r.word[0]));
  switch (law.kind) {
    case SigmaLaw::Kind::geometric: {
      if (law.levels == 1) return static_cast<float>(law.high);
      const std::uint64_t level = std::uint64_t{r.word[0]} * static_cast<std::uint64_t>(law.levels) >> 32;
      return static_cast<float>(law.high *
                                exp(static_cast<double>(level) / (law.levels - 1) * log(law.low / law.high)));
    }
    case SigmaLaw::Kind::log_uniform:
      return static_cast<float>(law.high * exp(u * log(law.low / law.high)));
    default: {  // log_normal
      const double radius = sqrt(-2.0 * log(u));
      return static_cast<float>(
          exp(law.low + law.high * radius * cospi(2.0 * static_cast<double>(philox::uniform(r.word[1])))));
    }
  }
}

SCOREMATCH_DEVICE float sigma_of(const SigmaSource& sigma, const Noise& noise, std::int64_t n) {
  return sigma.given != nullptr ? sigma.given[n * sigma.given_stride] : draw_sigma(sigma.law, noise, n);
}

/// eps, columns 4 group ... + 3 of row n; zero from `dim` on.
SCOREMATCH_DEVICE void eps4(const EpsSource& eps, const Noise& noise, std::int64_t n, int group, int dim,
                            float (&values)[4]) {
  if (eps.given.data != nullptr) {
    read4(eps.given.data + (n - eps.first) * eps.given.stride, group, dim, values);
    return;
  }
  normals4(sample_noise(noise, n).block(philox::Purpose::eps, static_cast<std::uint32_t>(group)), values);
  clear_from(dim, group, values);
}

/// v_m before the sphere's scale, columns 4 group ... + 3 of row n; zero from `dim` on.
SCOREMATCH_DEVICE void direction4(const DirectionSource& source, const Noise& noise, int m, std::int64_t n, int group,
                                  int dim, float (&values)[4]) {
  if (source.given != nullptr) {
    read4(source.given + m * source.given_plane + n * source.given_stride, group, dim, values);
    return;
  }
  switch (source.law) {
    case DirectionSource::Law::basis:
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) values[i] = 4 * group + i == m ? 1.0f : 0.0f;
      break;
    case DirectionSource::Law::rademacher: {
      const auto at = static_cast<std::uint32_t>(4 * group);
      const philox::Block r =
          sample_noise(noise, n).block(philox::Purpose::direction, at / 128, static_cast<std::uint32_t>(m));
      // philox::sign's bits, a group's being in one word; chosen, as an index would put the block into local memory.
      const std::uint32_t w = at / 32 % 4;
      const std::uint32_t bits = (w < 2 ? w == 0 ? r.word[0] : r.word[1] : w == 2 ? r.word[2] : r.word[3]) >> (at & 31);
      SCOREMATCH_UNROLL
      for (std::uint32_t i = 0; i < 4; ++i) values[i] = (bits >> i & 1) != 0 ? -1.0f : 1.0f;
      break;
    }
    default:
      normals4(sample_noise(noise, n).block(philox::Purpose::direction, static_cast<std::uint32_t>(group),
                                            static_cast<std::uint32_t>(m)),
               values);
  }
  clear_from(dim, group, values);
}

/// Whether normals are scaled to the sphere, which takes a sum over the row.
SCOREMATCH_DEVICE bool is_scaled(const DirectionSource& source) {
  return source.law == DirectionSource::Law::sphere && source.given == nullptr;
}

/// What v_m's normals are multiplied by on the sphere of radius sqrt(dim); 1 where row n is no sample. Called by whole
/// warps; every lane of the row has it.
SCOREMATCH_DEVICE float sphere_scale(const DirectionSource& source, const Noise& noise, int m, std::int64_t n,
                                     bool is_sample, int dim, const RowLanes& lanes, int lane) {
  float square = 0.0f;
  for (int g = lane; is_sample && g < group_count(dim); g += lanes.lanes()) {
    float v[4];
    direction4(source, noise, m, n, g, dim, v);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) square = fmaf(v[i], v[i], square);
  }
  square = lanes.sum(square);
  return is_sample ? sqrtf(static_cast<float>(dim) / square) : 1.0f;
}

/// The row of x that sample n is.
SCOREMATCH_DEVICE const float* data_row(const DataRows& data, const Noise& noise, std::int64_t n) {
  std::int64_t row = n;
  if (data.rows != nullptr) row = data.rows[n];
  if (data.drawn)
    row = static_cast<std::int64_t>(philox::index(sample_noise(noise, n).block(philox::Purpose::row, 0),
                                                  static_cast<std::uint64_t>(data.row_count)));
  return data.x.data + row * data.x.stride;
}

}  // namespace kernels
}  // namespace scorematch
