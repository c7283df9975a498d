// From the integers of philox.h to noise, in double, one number at a time.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "reference/coefficients.h"
#include "scorematch/noise.h"
#include "scorematch/objective.h"
#include "scorematch/philox.h"

namespace scorematch::reference {

/// Noise of one sample: first_sample of `position` is that sample.
struct SampleNoise {
  NoiseState::Position position;

  SampleNoise(const NoiseRef& noise, std::int64_t n)
      : position(*static_cast<const NoiseState::Position*>(noise.state)) {
    position.first_sample += noise.sample_offset + n;
  }
  philox::Block block(philox::Purpose purpose, std::uint32_t group, std::uint32_t direction = 0) const {
    return philox::philox4x32_10(philox::counter(purpose, static_cast<std::uint64_t>(position.step),
                                                 static_cast<std::uint64_t>(position.first_sample), group, direction),
                                 position.seed);
  }
  philox::Block sampler_block(std::int64_t step, std::uint32_t group) const {
    return philox::philox4x32_10(
        philox::sampler_counter(static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(position.step),
                                static_cast<std::uint64_t>(position.first_sample), group),
        position.seed);
  }
  /// The uniform number that decides whether a sampler's step is accepted.
  double acceptance(std::int64_t step) const {
    const philox::Block r = philox::philox4x32_10(
        philox::metropolis_counter(static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(position.step),
                                   static_cast<std::uint64_t>(position.first_sample)),
        position.seed);
    return static_cast<double>(philox::uniform(r.word[0]));
  }
};

/// Normal i of a group, by Box & Muller.
inline double normal(const philox::Block& r, int i) {
  const int pair = i / 2 * 2;
  const double radius = std::sqrt(-2 * std::log(static_cast<double>(philox::uniform(r.word[pair]))));
  const double angle = kTwoPi * static_cast<double>(philox::uniform(r.word[pair + 1]));
  return radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

/// dim standard normals. @param block returns the words of group 0, 1, ...
template <class Block>
std::vector<double> normals(int dim, const Block& block) {
  std::vector<double> z;
  for (int i = 0; i < dim; ++i) z.push_back(normal(block(static_cast<std::uint32_t>(i / 4)), i % 4));
  return z;
}

inline std::vector<double> draw_eps(const SampleNoise& noise, int dim) {
  return normals(dim, [&](std::uint32_t group) { return noise.block(philox::Purpose::eps, group); });
}

inline double draw_sigma(const SampleNoise& noise, const NoiseSchedule& schedule) {
  const auto block = [&] { return noise.block(philox::Purpose::sigma, 0); };
  switch (schedule.kind) {
    case NoiseSchedule::Kind::none:
      break;
    case NoiseSchedule::Kind::single:
      return schedule.sigma_max;
    case NoiseSchedule::Kind::geometric: {
      const double u = static_cast<double>(philox::uniform(block().word[0]));
      const double ratio = schedule.sigma_min / schedule.sigma_max;
      if (schedule.levels == 0) return schedule.sigma_max * std::pow(ratio, u);
      if (schedule.levels == 1) return schedule.sigma_max;
      const std::uint64_t level = std::uint64_t{block().word[0]} * static_cast<std::uint64_t>(schedule.levels) >> 32;
      return schedule.sigma_max * std::pow(ratio, static_cast<double>(level) / (schedule.levels - 1));
    }
    case NoiseSchedule::Kind::log_normal:
      return std::exp(schedule.log_mean + schedule.log_deviation * normal(block(), 0));
  }
  return 1;
}

}  // namespace scorematch::reference
