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

/// x_t = alpha x + beta eps
struct Process {
  double alpha, beta;
};

/// At time t; at step t of ddpm.
inline Process process_at(const NoiseSchedule& schedule, double t) {
  const auto preserving = [](double log_alpha2) {
    return Process{std::exp(log_alpha2 / 2), std::sqrt(-std::expm1(log_alpha2))};
  };
  const double integral = schedule.beta_min * t + (schedule.beta_max - schedule.beta_min) * t * t / 2;
  switch (schedule.kind) {
    case NoiseSchedule::Kind::vp:
      return preserving(-integral);
    case NoiseSchedule::Kind::sub_vp:
      return {std::exp(-integral / 2), -std::expm1(-integral)};
    case NoiseSchedule::Kind::cosine: {
      const double quarter = kTwoPi / 4 / (1 + kCosineOffset), start = std::cos(quarter * kCosineOffset);
      const double alpha = std::cos(quarter * (t + kCosineOffset)) / start;
      // 1 - alpha^2 = (sin^2 of the later angle - sin^2 of the earlier one) / start^2
      return {alpha, std::sqrt(std::sin(quarter * t) * std::sin(quarter * (t + 2 * kCosineOffset))) / start};
    }
    case NoiseSchedule::Kind::rectified_flow:
      return {1 - t, t};
    case NoiseSchedule::Kind::ddpm: {
      double log_alpha2 = 0;
      const double step = schedule.levels > 1 ? (schedule.beta_max - schedule.beta_min) / (schedule.levels - 1) : 0;
      for (int i = 0; i < static_cast<int>(t); ++i) log_alpha2 += std::log1p(-(schedule.beta_min + i * step));
      return preserving(log_alpha2);
    }
    case NoiseSchedule::Kind::none:
    case NoiseSchedule::Kind::single:
    case NoiseSchedule::Kind::geometric:
    case NoiseSchedule::Kind::log_normal:
      break;
  }
  return {1, 1};
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
    case NoiseSchedule::Kind::vp:
    case NoiseSchedule::Kind::sub_vp:
    case NoiseSchedule::Kind::cosine:
    case NoiseSchedule::Kind::rectified_flow: {
      const double u = static_cast<double>(philox::uniform(block().word[0]));
      const auto [alpha, beta] = process_at(schedule, schedule.t_min + (schedule.t_max - schedule.t_min) * u);
      return beta / alpha;
    }
    case NoiseSchedule::Kind::ddpm: {
      const std::uint64_t step = std::uint64_t{block().word[0]} * static_cast<std::uint64_t>(schedule.levels) >> 32;
      const auto [alpha, beta] = process_at(schedule, static_cast<double>(step + 1));
      return beta / alpha;
    }
  }
  return 1;
}

}  // namespace scorematch::reference
