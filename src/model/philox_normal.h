// One standard normal per element, for numbers that are drawn once, on the host: parameters and frequencies.
#pragma once
#include <cmath>
#include <cstdint>

#include "scorematch/philox.h"

namespace scorematch {

/// Box & Muller (1958) in double: elements 2i and 2i + 1 share a pair of words, and four elements share a counter.
inline double normal_at(philox::Purpose purpose, std::uint64_t seed, std::int64_t element) {
  constexpr double kTwoPi = 6.283185307179586476925286766559;
  const philox::Block r =
      philox::philox4x32_10(philox::counter(purpose, 0, static_cast<std::uint64_t>(element / 4), 0), seed);
  const std::int64_t pair = element % 4 / 2 * 2;
  const double radius = std::sqrt(-2 * std::log(static_cast<double>(philox::uniform(r.word[pair]))));
  const double angle = kTwoPi * static_cast<double>(philox::uniform(r.word[pair + 1]));
  return radius * (element % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

}  // namespace scorematch
