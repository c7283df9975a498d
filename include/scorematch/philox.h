/// @file
/// Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3) and the
/// layout of its counter. Integer functions for host and device, so every engine draws the same integers for the same
/// sample.
///
/// | word | bits | meaning |
/// |------|------|---------|
/// | c0 | 32 | sample, low |
/// | c1 | 18 low, 14 high | group of elements; direction |
/// | c2 | 32 | step, low |
/// | c3 | 8, 8, 16 from the top | purpose; step, high; sample, high |
///
/// The key is the seed. One counter yields one group: 4 uniforms, 4 normals or 128 signs.
#pragma once
#include <cstdint>

#if defined(__CUDACC__)
#define SCOREMATCH_HOST_DEVICE __host__ __device__
#else
#define SCOREMATCH_HOST_DEVICE
#endif

namespace scorematch {
namespace philox {

constexpr int kGroupBits = 18;
constexpr int kDirectionBits = 14;
constexpr std::int64_t kMaxGroups = std::int64_t{1} << kGroupBits;          ///< so dim <= 2^20 for normals
constexpr std::int64_t kMaxDirections = std::int64_t{1} << kDirectionBits;  ///< M, and sampler steps per purpose
constexpr std::int64_t kMaxSteps = std::int64_t{1} << 40;
constexpr std::int64_t kMaxSamples = std::int64_t{1} << 48;

/// What a draw is for. Different purposes never share a counter.
enum class Purpose : std::uint32_t {
  sigma = 0,           ///< the noise level of a sample: group 0
  eps = 1,             ///< the Gaussian perturbation
  direction = 2,       ///< the slicing directions v_m
  row = 3,             ///< which row of the data a sample is: group 0
  parameters = 4,      ///< MlpShape::initial_params: sample = element / 4
  frequencies = 5,     ///< conditioning::Fourier::random: sample = element / 4
  sampler_init = 6,    ///< where a sampler starts
  metropolis = 7,      ///< whether step k of a sampler is accepted: group k mod 2^18, direction k / 2^18
  dequantization = 8,  ///< uniform noise within a step of the data
  context = 9,         ///< whether a sample's context is dropped: group 0
  distinct = 10,       ///< indices without replacement of a sample's directions: distinct.h
  sampler_step = 16    ///< and the next 239; step k of a sampler: purpose 16 + k / 2^14, direction k mod 2^14
};
constexpr std::int64_t kMaxSamplerSteps = (256 - 16) * kMaxDirections;

/// Four words: a counter, or the result of the bijection.
struct Block {
  std::uint32_t word[4];
};

SCOREMATCH_HOST_DEVICE constexpr Block counter(Purpose purpose, std::uint64_t step, std::uint64_t sample,
                                               std::uint32_t group, std::uint32_t direction = 0) {
  return {{static_cast<std::uint32_t>(sample), group | direction << kGroupBits, static_cast<std::uint32_t>(step),
           static_cast<std::uint32_t>(purpose) << 24 | static_cast<std::uint32_t>(step >> 32 & 0xFF) << 16 |
               static_cast<std::uint32_t>(sample >> 32 & 0xFFFF)}};
}

/// The purpose and the direction of a sampler's step k: see Purpose::sampler_step.
SCOREMATCH_HOST_DEVICE constexpr Purpose sampler_purpose(std::uint64_t k) {
  return static_cast<Purpose>(static_cast<std::uint32_t>(Purpose::sampler_step) +
                              static_cast<std::uint32_t>(k >> kDirectionBits));
}
SCOREMATCH_HOST_DEVICE constexpr std::uint32_t sampler_direction(std::uint64_t k) {
  return static_cast<std::uint32_t>(k) & ((1u << kDirectionBits) - 1);
}
SCOREMATCH_HOST_DEVICE constexpr Block sampler_counter(std::uint64_t k, std::uint64_t step, std::uint64_t sample,
                                                       std::uint32_t group) {
  return counter(sampler_purpose(k), step, sample, group, sampler_direction(k));
}

/// The counter whose word 0 decides whether a sampler's step k is accepted.
SCOREMATCH_HOST_DEVICE constexpr Block metropolis_counter(std::uint64_t k, std::uint64_t step, std::uint64_t sample) {
  return counter(Purpose::metropolis, step, sample, static_cast<std::uint32_t>(k) & ((1u << kGroupBits) - 1),
                 static_cast<std::uint32_t>(k >> kGroupBits));
}

constexpr std::uint32_t kMultiplier0 = 0xD2511F53u, kMultiplier1 = 0xCD9E8D57u;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;

/// a b in full. Device code computes each half: for a constant above 2^31, nvcc would emit a 64-bit multiplication, a
/// third of it by zeros.
SCOREMATCH_HOST_DEVICE constexpr std::uint64_t wide_product(std::uint32_t a, std::uint32_t b) {
#if defined(__CUDA_ARCH__)
  return std::uint64_t{__umulhi(a, b)} << 32 | a * b;
#else
  return std::uint64_t{a} * b;
#endif
}

/// The bijection: ten rounds on `c` under `key`.
SCOREMATCH_HOST_DEVICE constexpr Block philox4x32_10(Block c, std::uint64_t key) {
  auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = wide_product(kMultiplier0, c.word[0]), p1 = wide_product(kMultiplier1, c.word[2]);
    c = {{static_cast<std::uint32_t>(p1 >> 32) ^ c.word[1] ^ k0, static_cast<std::uint32_t>(p1),
          static_cast<std::uint32_t>(p0 >> 32) ^ c.word[3] ^ k1, static_cast<std::uint32_t>(p0)}};
    k0 += kWeyl0;
    k1 += kWeyl1;
  }
  return c;
}

/// (floor(k / 2^9) + 1/2) 2^-23: uniform in (0, 1), exact in float. Normals 2i and 2i + 1 of a group come from words 2i
/// and 2i + 1 by Box & Muller (1958): sqrt(-2 ln u_{2i}) times cos(2 pi u_{2i+1}) and sin(2 pi u_{2i+1}).
SCOREMATCH_HOST_DEVICE constexpr float uniform(std::uint32_t k) {
  return (static_cast<float>(k >> 9) + 0.5f) * 1.1920928955078125e-07f;
}

/// Sign `i` of a group of 128: -1 if bit i mod 32 of word i / 32 is set, else +1.
SCOREMATCH_HOST_DEVICE constexpr float sign(const Block& r, std::uint32_t i) {
  return (r.word[i >> 5 & 3] >> (i & 31) & 1) != 0 ? -1.0f : 1.0f;
}

/// floor(k n / 2^64), an index below n. Words 0 and 1 are the low and the high half of k.
SCOREMATCH_HOST_DEVICE constexpr std::uint64_t index(const Block& r, std::uint64_t n) {
  const std::uint64_t low = r.word[0] * (n & 0xFFFFFFFFu), a = r.word[1] * (n & 0xFFFFFFFFu) + (low >> 32);
  const std::uint64_t b = r.word[0] * (n >> 32) + (a & 0xFFFFFFFFu);
  return r.word[1] * (n >> 32) + (a >> 32) + (b >> 32);
}

}  // namespace philox
}  // namespace scorematch
