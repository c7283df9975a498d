// A checkpoint with everything that a checkpoint may hold.
#pragma once
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "scorematch/checkpoint.h"

namespace scorematch::test {

inline std::vector<float> values(std::int64_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<float>(static_cast<double>(random() >> 11) * 0x1p-53 - 0.5) / 3);
  return values;
}

/// @param average whether Adam has an average of the parameters, and groups of them
inline Checkpoint full_checkpoint(const MlpShape& net, bool average) {
  Checkpoint checkpoint;
  checkpoint.net = net;
  const std::int64_t count = net.param_count();
  checkpoint.params = values(count, 1);
  checkpoint.params[0] = 1e-45f;  // a denormal
  checkpoint.adam = Adam::Snapshot{{1.0 / 3, 0.85, 1 - 1e-10, 1e-7, 5e-324, 1e300, average ? 0.999 : 0.0},
                                   {0.1 + 0.2, 17.125, 123456789012345, 3},
                                   values(count, 2),
                                   values(count, 3),
                                   {}};
  for (float& each : checkpoint.adam->second_moment) each *= each;
  if (average) {
    checkpoint.adam->ema = values(count, 4);
    checkpoint.adam->options.groups = {{0, 1, 1.0 / 3, 0}, {count - 1, 1, 1e300, 5e-324}};
  }
  checkpoint.best = values(count, 6);
  checkpoint.noise = {0xFFFFFFFFFFFFFFFFu, (std::int64_t{1} << 40) - 1, (std::int64_t{1} << 48) - 1};
  // A constant column, then the coordinates of the model.
  checkpoint.standardization.mean = {0.1};
  checkpoint.standardization.scale = {0.0};
  for (const float each : values(net.dim, 5)) {
    checkpoint.standardization.mean.push_back(static_cast<double>(each) / 3);
    checkpoint.standardization.scale.push_back(1e-30);
  }
  checkpoint.loss = Loss{Dsm{Dsm::Variance::antithetic}, schedule::Geometric{1.0 / 3, 7.5, 11}, weighting::Sigma2{}};
  if (net.parameterization.kind == Parameterization::Kind::edm)
    checkpoint.loss->weighting = weighting::Edm{net.parameterization.sigma_data};
  checkpoint.metadata = {{"", "nothing"}, {"data", "a\n\"b\"\t\xc3\xa9"}, {"user.data", std::string("\0", 1)}};
  checkpoint.arrays = {{"", {}}, {"history", {1.0 / 3, -0.0, 5e-324}}};
  return checkpoint;
}

inline MlpShape fourier_net() {
  MlpShape net = MlpShape::score(2, {3}, Activation::softplus);
  net.parameterization = parameterization::Edm{0.3};
  net.conditioning = conditioning::Fourier::random(2, 0.7, 9);
  return net;
}

}  // namespace scorematch::test
