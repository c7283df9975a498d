#include "scorematch/mlp.h"

#include <algorithm>
#include <cmath>

#include "checks/argument.h"
#include "checks/descriptions.h"
#include "model/network.h"
#include "model/philox_normal.h"

namespace scorematch {
namespace {

MlpShape make(MlpShape::Kind kind, int dim, std::vector<int> hidden, Activation activation) {
  MlpShape net;
  net.kind = kind;
  net.dim = dim;
  net.hidden = std::move(hidden);
  net.activation = activation;
  check(net);
  return net;
}

}  // namespace

namespace conditioning {

Fourier Fourier::random(int count, double scale, std::uint64_t seed) {
  constexpr int kMostFrequencies = 1 << 20;
  if (count < 1 || count > kMostFrequencies)
    throw_invalid("count", "between 1 and " + std::to_string(kMostFrequencies), std::to_string(count));
  if (!(scale > 0) || !std::isfinite(scale)) throw_invalid("scale", "a finite value > 0", describe(scale));
  Fourier fourier;
  for (int k = 0; k < count; ++k)
    fourier.frequencies.push_back(scale * normal_at(philox::Purpose::frequencies, seed, k));
  return fourier;
}

}  // namespace conditioning

MlpShape MlpShape::score(int dim, std::vector<int> hidden, Activation activation) {
  return make(Kind::score, dim, std::move(hidden), activation);
}

MlpShape MlpShape::energy(int dim, std::vector<int> hidden, Activation activation) {
  return make(Kind::energy, dim, std::move(hidden), activation);
}

MlpShape MlpShape::diffusion(int dim, Kind kind) {
  check_dim(dim);
  // At least twice as wide as the data, so that the last layer's input can hold both the data and functions of them.
  // In few dimensions, densities have fine structure, for which depth helps more than width. In many, there are too few
  // data for either.
  constexpr int kWidest = 1024, kMultiple = 64;
  const int twice = (2 * std::min(dim, kWidest) + kMultiple - 1) / kMultiple * kMultiple;
  const int width = dim <= 16 ? 96 : std::clamp(twice, 256, kWidest);
  const std::size_t depth = dim <= 16 ? 8 : dim <= 128 ? 4 : 3;
  MlpShape net = make(kind, dim, std::vector<int>(depth, width), Activation::silu);
  net.parameterization = parameterization::Edm{};
  net.conditioning = conditioning::Fourier::random(/*count=*/8, /*scale=*/0.25);
  net.residual = true;
  return net;
}

std::vector<MlpShape::Layer> MlpShape::layers() const {
  check_widths(*this);
  std::vector<Layer> layers;
  std::int64_t offset = 0;
  int in = dim + feature_count(conditioning) + context_count(context);
  const auto add = [&](int out) {
    const std::int64_t weights = std::int64_t{in} * out;
    layers.push_back({in, out, offset, offset + weights});
    offset += weights + out;
    in = out;
  };
  for (const int width : hidden) add(width);
  add(kind == Kind::score ? dim : 1);
  return layers;
}

std::int64_t MlpShape::param_count() const {
  const Layer last = layers().back();
  return last.bias + last.out;
}

}  // namespace scorematch
