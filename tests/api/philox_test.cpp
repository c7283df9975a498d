// Philox4x32-10 against the known answers published with Random123 (Salmon et al. 2011), and the layout of the counter.
#include "scorematch/philox.h"

#include <gtest/gtest.h>

#include <cmath>
#include <unordered_set>

namespace scorematch::philox {
namespace {

__extension__ using Wide = unsigned __int128;

void expect_block(const Block& got, const Block& wanted) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(got.word[i], wanted.word[i]) << "word " << i;
}

TEST(Philox, KnownAnswers) {
  expect_block(philox4x32_10({{0, 0, 0, 0}}, 0), {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
  const std::uint32_t ones = 0xffffffff;
  expect_block(philox4x32_10({{ones, ones, ones, ones}}, ~std::uint64_t{0}),
               {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}});
  expect_block(philox4x32_10({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0x299f31d0a4093822u),
               {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});
}

TEST(Philox, CounterKeepsItsFieldsApart) {
  const Block c = counter(Purpose::direction, 0xAB12345678u, 0xCDEF98765432u, 0x2FFFF, 0x3ABC);
  expect_block(c, {{0x98765432u, 0x3ABCu << 18 | 0x2FFFF, 0x12345678u, 0x02ABCDEFu}});
  const Block s = sampler_counter((std::uint64_t{5} << kDirectionBits) + 7, 1, 2, 3);
  expect_block(s, {{2, 3 | 7u << kGroupBits, 1, (16u + 5) << 24}});
  const Block a = metropolis_counter((std::uint64_t{9} << kGroupBits) + 5, 1, 2);
  expect_block(a, {{2, 5 | 9u << kGroupBits, 1, 7u << 24}});
}

TEST(Philox, NoCounterIsUsedTwice) {
  std::unordered_set<std::string> seen;
  std::size_t count = 0;
  for (const Purpose purpose :
       {Purpose::sigma, Purpose::eps, Purpose::direction, Purpose::row, Purpose::metropolis, Purpose::sampler_step})
    for (const std::uint64_t step : {0ull, 1ull, 0xFFFFFFFFull, 0x100000000ull, 0xFFFFFFFFFFull})
      for (const std::uint64_t sample : {0ull, 1ull, 0xFFFFFFFFull, 0x100000000ull, 0xFFFFFFFFFFFFull})
        for (const std::uint32_t group : {0u, 1u, 0x3FFFFu})
          for (const std::uint32_t direction : {0u, 1u, 0x3FFFu}) {
            const Block c = counter(purpose, step, sample, group, direction);
            seen.insert(std::string(reinterpret_cast<const char*>(c.word), sizeof c.word));
            ++count;
          }
  EXPECT_EQ(seen.size(), count);
}

TEST(Philox, UniformIsExactAndInside) {
  EXPECT_EQ(uniform(0), std::ldexp(1.0f, -24));
  EXPECT_EQ(uniform(0xFFFFFFFFu), 1.0f - std::ldexp(1.0f, -24));
  for (std::uint32_t k = 0; k < (1u << 23); k += 4099)
    ASSERT_EQ(static_cast<double>(uniform(k << 9)), std::ldexp(k + 0.5, -23)) << k;
}

TEST(Philox, SignReadsItsBit) {
  const Block r{{0x1, 0x80000000, 0, 0x10}};
  for (std::uint32_t i = 0; i < 128; ++i) EXPECT_EQ(sign(r, i), i == 0 || i == 63 || i == 100 ? -1.0f : 1.0f) << i;
}

TEST(Philox, IndexIsTheHighHalfOfTheProduct) {
  for (const std::uint64_t n : {1ull, 2ull, 1797ull, 0x100000000ull, 0x123456789ABCDEFull})
    for (const std::uint64_t k : {0ull, 1ull, 0x8000000000000000ull, 0xFFFFFFFFFFFFFFFFull, 0x123456789ABCDEFull}) {
      const Block r{{static_cast<std::uint32_t>(k), static_cast<std::uint32_t>(k >> 32), 0, 0}};
      EXPECT_EQ(index(r, n), static_cast<std::uint64_t>(static_cast<Wide>(k) * n >> 64)) << k << " " << n;
    }
}

}  // namespace
}  // namespace scorematch::philox
