// What is drawn, in double: the laws of philox.h's integers, one number at a time.
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

/// Noise of one sample: `position` with first_sample being the sample itself.
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
  /// The uniform that decides whether a sampler's step is accepted.
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

/// block(group) for group 0, 1, ... : dim standard normals.
template <class Block>
std::vector<double> normals(int dim, const Block& block) {
  std::vector<double> z;
  for (int i = 0; i < dim; ++i) z.push_back(normal(block(static_cast<std::uint32_t>(i / 4)), i % 4));
  return z;
}

inline std::vector<double> draw_eps(const SampleNoise& noise, int dim) {
  return normals(dim, [&](std::uint32_t group) { return noise.block(philox::Purpose::eps, group); });
}

inline std::vector<double> draw_direction(const SampleNoise& noise, int dim, Projection law, std::uint32_t m) {
  const auto block = [&](std::uint32_t group) { return noise.block(philox::Purpose::direction, group, m); };
  if (law == Projection::rademacher) {
    std::vector<double> v;
    for (int i = 0; i < dim; ++i) {
      const auto at = static_cast<std::uint32_t>(i);
      v.push_back(static_cast<double>(philox::sign(block(at / 128), at % 128)));
    }
    return v;
  }
  std::vector<double> v = normals(dim, block);
  if (law == Projection::sphere) {
    double square = 0;
    for (const double each : v) square += each * each;
    for (double& each : v) each *= std::sqrt(dim / square);
  }
  return v;
}

inline double draw_sigma(const SampleNoise& noise, const NoiseSchedule& schedule) {
  struct Visitor {
    const SampleNoise& noise;
    philox::Block block() const { return noise.block(philox::Purpose::sigma, 0); }
    double operator()(const schedule::None&) const { return 1; }
    double operator()(const schedule::Single& s) const { return s.sigma; }
    double operator()(const schedule::Geometric& s) const {
      const double u = static_cast<double>(philox::uniform(block().word[0]));
      if (s.levels == 0) return s.sigma_max * std::pow(s.sigma_min / s.sigma_max, u);
      if (s.levels == 1) return s.sigma_max;
      const std::uint64_t level = std::uint64_t{block().word[0]} * static_cast<std::uint64_t>(s.levels) >> 32;
      return s.sigma_max * std::pow(s.sigma_min / s.sigma_max, static_cast<double>(level) / (s.levels - 1));
    }
    double operator()(const schedule::LogNormal& s) const {
      return std::exp(s.mean + s.deviation * normal(block(), 0));
    }
  };
  return std::visit(Visitor{noise}, schedule);
}

}  // namespace scorematch::reference
