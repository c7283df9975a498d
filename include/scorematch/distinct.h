/// @file
/// Indices without replacement: which row of a Hadamard matrix, or which coordinate, direction m of a sample is
/// (Projection::hadamard, Projection::coordinates). Integer functions for host and device, like philox.h, so every
/// engine draws the same indices. Index m depends on the sample and on m alone, not on how many are drawn.
#pragma once
#include <cstdint>

#include "scorematch/choices.h"
#include "scorematch/philox.h"

namespace scorematch {
namespace distinct {

/// The order of the smallest Hadamard matrix for vectors of dimension `dim`: the least D = 2^bits >= dim.
SCOREMATCH_HOST_DEVICE constexpr int hadamard_bits(int dim) {
  int bits = 0;
  while ((std::int64_t{1} << bits) < dim) ++bits;
  return bits;
}

/// D, the number of directions that a sample can have; 0: any number, as they are independent.
constexpr std::int64_t population(Projection distribution, int dim) {
  switch (distribution) {
    case Projection::gaussian:
    case Projection::rademacher:
    case Projection::sphere:
      break;
    case Projection::hadamard:
      return std::int64_t{1} << hadamard_bits(dim);
    case Projection::coordinates:
    case Projection::orthogonal:
      return dim;
  }
  return 0;
}

constexpr int kMostFieldBits = 20;

/// x^bits modulo an irreducible polynomial of that degree, the one of lowest weight (Seroussi 1998, HP Laboratories
/// technical report HPL-98-135, table 1). @param bits 1 to kMostFieldBits
SCOREMATCH_HOST_DEVICE constexpr std::uint32_t field_reduction(int bits) {
  // A byte per degree, from the lowest: 1 - 7, 8 - 15, 16 - 20.
  constexpr std::uint64_t kLow = 0x0303050303030100u, kMiddle = 0x03211B090509031Bu, kHigh = 0x000000092709092Bu;
  const std::uint64_t bytes = bits < 8 ? kLow : bits < 16 ? kMiddle : kHigh;
  return static_cast<std::uint32_t>(bytes >> 8 * (bits & 7)) & 0xFFu;
}

/// a b in the field of 2^bits elements, whose sum is a ^ b. @param bits 1 to kMostFieldBits
SCOREMATCH_HOST_DEVICE constexpr std::uint32_t field_product(std::uint32_t a, std::uint32_t b, int bits) {
  const std::uint32_t reduction = field_reduction(bits), order = 1u << bits;
  std::uint32_t product = 0;
  for (; b != 0; b >>= 1) {
    if ((b & 1) != 0) product ^= a;
    a <<= 1;
    if ((a & order) != 0) a ^= order ^ reduction;
  }
  return product;
}

/// floor(k n / 2^32), an index below n, whose probability is within a factor 1 + n / 2^32 of 1/n.
SCOREMATCH_HOST_DEVICE constexpr std::uint32_t index(std::uint32_t k, std::uint32_t n) {
  return static_cast<std::uint32_t>(std::uint64_t{k} * n >> 32);
}

/// The words for the indices of a sample.
SCOREMATCH_HOST_DEVICE constexpr philox::Block block(std::uint64_t seed, std::uint64_t step, std::uint64_t sample,
                                                     std::uint32_t group) {
  return philox::philox4x32_10(philox::counter(philox::Purpose::distinct, step, sample, group), seed);
}

/// i_m = a m in the field of D elements, where a is drawn from the D - 1 that are not 0. For m != m', i_m ^ i_m' is
/// uniform over these too, on which the covariance of two directions depends. @param m below D = 2^hadamard_bits(dim)
SCOREMATCH_HOST_DEVICE constexpr std::uint32_t hadamard_row(std::uint64_t seed, std::uint64_t step,
                                                            std::uint64_t sample, std::uint32_t m, int dim) {
  if (m == 0) return 0;
  const int bits = hadamard_bits(dim);
  return field_product(1 + index(block(seed, step, sample, 0).word[0], (1u << bits) - 1), m, bits);
}

/// 1 if an odd number of bits is set, else 0.
SCOREMATCH_HOST_DEVICE constexpr std::uint32_t parity(std::uint32_t bits) {
  bits ^= bits >> 16;
  bits ^= bits >> 8;
  bits ^= bits >> 4;
  return 0x6996u >> (bits & 15) & 1;
}

/// Which of columns `first` ... first + 31 of a row of the Hadamard matrix are -1: bit i is the parity of
/// row & (first + i). @param first a multiple of 32
SCOREMATCH_HOST_DEVICE constexpr std::uint32_t hadamard_word(std::uint32_t row, std::uint32_t first) {
  constexpr std::uint32_t kColumns[] = {0xAAAAAAAAu, 0xCCCCCCCCu, 0xF0F0F0F0u, 0xFF00FF00u, 0xFFFF0000u};
  std::uint32_t word = parity(row & first) != 0 ? 0xFFFFFFFFu : 0;
  for (int bit = 0; bit < 5; ++bit)
    if ((row >> bit & 1) != 0) word ^= kColumns[bit];
  return word;
}

/// Element m of a shuffle of 0 ... dim - 1 (Fisher & Yates 1938, as in Durstenfeld 1964): step k exchanges elements k
/// and u_k, uniform in k ... dim - 1, and direction m follows its element back through steps m - 1 ... 0. Takes m / 4
/// blocks, whose words are u_{4g} ... u_{4g+3}. @param m below dim
SCOREMATCH_HOST_DEVICE constexpr std::uint32_t coordinate(std::uint64_t seed, std::uint64_t step, std::uint64_t sample,
                                                          std::uint32_t m, int dim) {
  philox::Block words{};
  std::uint32_t at = 0;
  for (std::uint32_t k = m + 1; k-- > 0;) {
    if (k == m || k % 4 == 3) words = block(seed, step, sample, k / 4);
    // Not words.word[k % 4]: an index would put the block into the local memory of a device.
    const std::uint32_t low = k % 2 == 0 ? words.word[0] : words.word[1],
                        high = k % 2 == 0 ? words.word[2] : words.word[3];
    const std::uint32_t exchanged = k + index(k % 4 < 2 ? low : high, static_cast<std::uint32_t>(dim) - k);
    if (k == m) at = exchanged;
    if (k != m && at == exchanged) at = k;
  }
  return at;
}

}  // namespace distinct
}  // namespace scorematch
