// A random perturbation on the device, and the values of the double-precision reference for it.
#pragma once
#include <memory>
#include <vector>

#include "kernels/device_array.h"
#include "kernels/random_case.h"
#include "model/noise_process.h"
#include "reference/coefficients.h"
#include "reference/directions.h"
#include "scorematch/distinct.h"

namespace scorematch {
namespace kernels {

inline std::int64_t rounded_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

/// Sizes near every boundary: groups of four, vectors, warps, the 128 signs of a Philox counter.
inline int random_dim(RandomCase& random) {
  return random.chance(0.5) ? random.integer(1, 40) : random.pick({1, 2, 3, 4, 5, 8, 31, 32, 33, 127, 128, 129, 200});
}

/// A distribution that has `directions` directions.
inline Projection random_distribution(RandomCase& random, int dim, int directions) {
  const auto distribution = static_cast<Projection>(random.integer(0, 4));
  const std::int64_t population = distinct::population(distribution, dim);
  return population > 0 && directions > population ? Projection::gaussian : distribution;
}

/// Whether launch_directions must find what the columns of a direction share.
inline bool has_row_values(Projection distribution) {
  return distribution == Projection::sphere || distribution == Projection::hadamard ||
         distribution == Projection::coordinates;
}

struct RandomNoise {
  explicit RandomNoise(RandomCase& random)
      : position{static_cast<std::uint64_t>(random.integer(0, 1 << 30)) << 20, random.integer(0, 1 << 30),
                 random.integer(0, 1000)},
        device(std::vector<NoisePosition>{{position.seed, position.step, position.first_sample}}),
        offset(random.integer(0, 50)) {}
  Noise get() const { return {device.data(), offset}; }
  reference::SampleNoise of(std::int64_t n) const { return {NoiseRef{&position, offset}, n}; }

  NoiseState::Position position;
  DeviceArray<NoisePosition> device;
  std::int64_t offset;
};

/// The schedule of sigma, for both sides.
struct RandomSigma {
  RandomSigma(RandomCase& random, std::int64_t batch) {
    const double low = random.real(0.01, 0.5), high = low + random.real(0.0, 20.0);
    if (take_process(random)) return;
    switch (random.integer(0, 5)) {
      case 0:
        given = random.normals(random.chance(0.3) ? 1 : batch);
        for (float& each : given) each = 0.01f + each * each;
        device = std::make_unique<DeviceArray<float>>(given);
        break;
      case 1:
        schedule = schedule::Single{high};
        break;
      case 2: {
        const int levels = random.integer(1, 12);
        schedule = schedule::Geometric{low, high, levels};
        break;
      }
      case 3:
        schedule = schedule::Geometric{low, high, 0};
        break;
      case 4:
        schedule = schedule::LogNormal{-1.2, 1.2};
        break;
      default:
        break;  // sigma is 1
    }
    source = device == nullptr ? sigma_source(schedule)
                               : sigma_source(schedule, device->data(), given.size() == 1 && batch != 1 ? 0 : 1);
  }
  /// sigma before rounding to float.
  double of(const RandomNoise& noise, std::int64_t n) const {
    if (!given.empty()) return static_cast<double>(given[static_cast<std::size_t>(source.given_stride * n)]);
    return reference::draw_sigma(noise.of(n), schedule);
  }

  /// A process in a quarter of the cases. A copy draws it, so that the rest of a case depends only on whether there is
  /// one.
  bool take_process(RandomCase other) {
    if (!other.chance(0.25)) return false;
    const NoiseSchedule all[] = {schedule::Vp{}, schedule::SubVp{0.1, 20, 1e-3}, schedule::Cosine{},
                                 schedule::RectifiedFlow{0.01, 0.99}, schedule::Ddpm{7, 0.01, 0.5}};
    schedule = all[other.integer(0, 4)];
    table = std::make_unique<DeviceArray<double>>(noise_table_of(schedule));
    source = sigma_source(schedule, nullptr, 0, table->data());
    return true;
  }

  std::vector<float> given;
  NoiseSchedule schedule;
  std::unique_ptr<DeviceArray<double>> table;
  std::unique_ptr<DeviceArray<float>> device;
  SigmaSource source;
};

struct RandomParameterization {
  explicit RandomParameterization(RandomCase& random) {
    const double data = random.real(0.2, 2.0);
    using Kind = Parameterization::Kind;
    RandomCase other = random;  // so that the rest of a case does not depend on it
    if (other.chance(0.4)) {
      value = static_cast<Kind>(other.integer(static_cast<int>(Kind::epsilon), static_cast<int>(Kind::velocity)));
      random.integer(0, 3);
      return;
    }
    switch (random.integer(0, 3)) {
      case 1:
        value = parameterization::Ncsn{};
        break;
      case 2:
        value = parameterization::NoisePrediction{};
        break;
      case 3:
        value = parameterization::Edm{data};
        break;
      default:
        break;
    }
  }
  Parameterization value;
};

}  // namespace kernels
}  // namespace scorematch
