// Indices without replacement: the fields in which rows of Hadamard matrices are multiplied, and the distribution of
// what is drawn. Pairs are uniform over distinct pairs, on which the variance of a mean over directions depends.
#include "scorematch/distinct.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

using Index = std::uint32_t;

/// a^(2^rounds)
Index squared(Index a, int rounds, int bits) {
  for (int i = 0; i < rounds; ++i) a = distinct::field_product(a, a, bits);
  return a;
}

/// Of polynomials over GF(2), as bits.
Index greatest_common_divisor(Index a, Index b) {
  const auto degree = [](Index p) { return p == 0 ? -1 : 31 - __builtin_clz(p); };
  while (b != 0) {
    while (degree(a) >= degree(b)) a ^= b << (degree(a) - degree(b));
    std::swap(a, b);
  }
  return a;
}

// Rabin 1980: p of degree n is irreducible if it divides x^(2^n) - x, and has no factor in common with
// x^(2^(n/q)) - x for the primes q that divide n.
TEST(Fields, HaveIrreduciblePolynomials) {
  for (int bits = 2; bits <= distinct::kMostFieldBits; ++bits) {
    const Index x = 2, polynomial = Index{1} << bits | distinct::field_reduction(bits);
    EXPECT_EQ(squared(x, bits, bits), x) << bits;
    for (const int prime : {2, 3, 5, 7, 11, 13, 17, 19})
      if (bits % prime == 0) {
        EXPECT_EQ(greatest_common_divisor(polynomial, squared(x, bits / prime, bits) ^ x), 1u) << bits << " " << prime;
      }
  }
}

TEST(Fields, HaveProductsOfAField) {
  for (int bits = 1; bits <= 6; ++bits) {
    const Index order = 1u << bits;
    for (Index a = 1; a < order; ++a) {
      std::set<Index> products;
      for (Index b = 0; b < order; ++b) {
        const Index product = distinct::field_product(a, b, bits);
        EXPECT_EQ(product, distinct::field_product(b, a, bits));
        for (const Index c : {1u, 2u, order - 1})
          EXPECT_EQ(distinct::field_product(a, b ^ (c % order), bits),
                    product ^ distinct::field_product(a, c % order, bits));
        products.insert(product);
      }
      EXPECT_EQ(products.size(), order) << "no product but that with 0 is 0";
    }
  }
}

TEST(HadamardWords, AreParities) {
  for (const Index row : {0u, 1u, 5u, 31u, 32u, 77u, 1023u, 0xFFFFFu})
    for (const Index first : {0u, 32u, 64u, 992u}) {
      const Index word = distinct::hadamard_word(row, first);
      for (Index i = 0; i < 32; ++i) EXPECT_EQ(word >> i & 1, Index(__builtin_popcount(row & (first + i)) % 2));
    }
}

// For a difference to be uniform it suffices that a is: then a (m ^ m') is, in a field.
TEST(HadamardRows, OfASampleAreDistinctAndTheirDifferencesUniform) {
  constexpr int kDim = 13, kOrder = 16, kSamples = 20000;
  std::map<std::pair<Index, Index>, std::vector<std::int64_t>> counts;
  const std::vector<std::pair<Index, Index>> pairs = {{0, 1}, {1, 2}, {3, 5}, {7, 15}};
  for (const auto& pair : pairs) counts[pair].assign(kOrder - 1, 0);
  for (std::uint64_t n = 0; n < kSamples; ++n) {
    std::set<Index> rows;
    for (Index m = 0; m < kOrder; ++m) rows.insert(distinct::hadamard_row(5, 6, n, m, kDim));
    ASSERT_EQ(rows.size(), std::size_t{kOrder});
    ASSERT_LT(*rows.rbegin(), Index{kOrder});
    for (const auto& [m, other] : pairs)
      ++counts[{m, other}]
              [(distinct::hadamard_row(5, 6, n, m, kDim) ^ distinct::hadamard_row(5, 6, n, other, kDim)) - 1];
  }
  for (const auto& [pair, count] : counts)
    EXPECT_LT(chi_square_excess(count), kSigmas) << pair.first << " " << pair.second;
}

TEST(Coordinates, OfASampleAreAShuffleWithUniformPairs) {
  constexpr int kDim = 6, kSamples = 40000;
  const std::vector<std::pair<Index, Index>> pairs = {{0, 1}, {0, 5}, {2, 3}, {4, 5}};
  std::map<std::pair<Index, Index>, std::vector<std::int64_t>> counts;
  for (const auto& pair : pairs) counts[pair].assign(kDim * (kDim - 1), 0);
  for (std::uint64_t n = 0; n < kSamples; ++n) {
    std::vector<Index> drawn;
    for (Index m = 0; m < kDim; ++m) drawn.push_back(distinct::coordinate(7, 8, n, m, kDim));
    const std::set<Index> all(drawn.begin(), drawn.end());
    ASSERT_EQ(all.size(), std::size_t{kDim});
    ASSERT_EQ(*all.rbegin(), Index{kDim - 1});
    for (const auto& [m, other] : pairs) {
      const Index a = drawn[m], b = drawn[other];
      ++counts[{m, other}][a * (kDim - 1) + (b > a ? b - 1 : b)];
    }
  }
  for (const auto& [pair, count] : counts)
    EXPECT_LT(chi_square_excess(count), kSigmas) << pair.first << " " << pair.second;
}

// Against the shuffle itself, with the same draws.
TEST(Coordinates, AreThoseOfTheShuffle) {
  for (const int dim : {1, 2, 7, 64}) {
    std::vector<Index> elements;
    for (Index i = 0; i < static_cast<Index>(dim); ++i) elements.push_back(i);
    for (Index k = 0; k < static_cast<Index>(dim); ++k) {
      const Index word = distinct::block(1, 2, 3, k / 4).word[k % 4];
      std::swap(elements[k], elements[k + distinct::index(word, static_cast<Index>(dim) - k)]);
      EXPECT_EQ(distinct::coordinate(1, 2, 3, k, dim), elements[k]) << dim << " " << k;
    }
  }
}

TEST(Populations, AreTheSizesOfTheMatrices) {
  EXPECT_EQ(distinct::population(Projection::gaussian, 5), 0);
  EXPECT_EQ(distinct::population(Projection::hadamard, 1), 1);
  EXPECT_EQ(distinct::population(Projection::hadamard, 5), 8);
  EXPECT_EQ(distinct::population(Projection::hadamard, 8), 8);
  EXPECT_EQ(distinct::population(Projection::hadamard, 1 << 20), 1 << 20);
  EXPECT_EQ(distinct::population(Projection::coordinates, 5), 5);
  EXPECT_EQ(distinct::population(Projection::orthogonal, 5), 5);
}

}  // namespace
}  // namespace scorematch::testing_support
