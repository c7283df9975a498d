// How MlpShape::initial_params draws: torch.nn.Linear's distribution, or one that preserves the variance of the signal.
//
// Variance preserving: with z ~ N(0, 1) in every unit of a layer, its activations have mean m = E phi(z) and variance
// v = Var phi(z). If the inputs of the next layer have mean `mean` and variance g, its
//   W ~ N(0, 1 / (in g)),    b_i = -mean sum_j W_ij
// make z standard normal again (He et al. 2015; Poole et al. 2016, section 2, for the mean field). Without this bias,
// the common mean of the activations hides the signal: after three layers of torch's distribution, the last hidden
// layer varies over x by a hundredth of its size. mean = m and g = v, but residual layers add their input, so that mean
// and g grow by m and v in each.
//
// The first layer divides its variance between x, the features e(sigma) and the context. Columns of one group have
// equal deviations, and each group has a fixed fraction of the variance, whatever its number of columns. With
// deviations set by the fan-in, 16 Fourier columns would drown out two columns of x.
//
// The last layer is zero: F = 0, which for EDM is the score of N(0, sigma_data^2 I) (Karras et al. 2022, appendix F,
// whose networks also end in zeros).
#include <cmath>
#include <limits>

#include "checks/argument.h"
#include "checks/descriptions.h"
#include "model/network.h"
#include "model/philox_normal.h"
#include "scorematch/mlp.h"
#include "scorematch/philox.h"

namespace scorematch {
namespace {

constexpr double kTwoPi = 6.283185307179586476925286766559;
// Of the first layer's variance; docs/math.md has the measurement.
constexpr double kPartOfFeatures = 0.3, kPartOfContext = 0.3;
constexpr double kFirstBias = 1.0;  // the first layer's biases are uniform within this bound

/// Uniform in (-1, 1).
double uniform_at(std::uint64_t seed, std::int64_t element) {
  const philox::Block r = philox::philox4x32_10(
      philox::counter(philox::Purpose::parameters, 0, static_cast<std::uint64_t>(element / 4), 0), seed);
  return 2 * static_cast<double>(philox::uniform(r.word[element % 4])) - 1;
}

double value_of(Activation activation, double z) {
  switch (activation) {
    case Activation::silu:
      return z / (1 + std::exp(-z));
    case Activation::softplus:
      return std::log1p(std::exp(z));
    case Activation::tanh:
      return std::tanh(z);
    case Activation::gelu:
      break;
  }
  return z / 2 * std::erfc(-z / std::sqrt(2.0));
}

struct Moments {
  double mean = 0, variance = 1;
};

/// Of phi(sqrt(variance) z), z ~ N(0, 1). The error of the trapezoidal rule falls faster than any power of its step.
Moments moments_of(Activation activation, double variance) {
  constexpr double kReach = 12, kStep = 1.0 / 64;
  double mean = 0, square = 0;
  for (double z = -kReach; z <= kReach; z += kStep) {
    const double weight = kStep * std::exp(-z * z / 2) / std::sqrt(kTwoPi),
                 value = value_of(activation, std::sqrt(variance) * z);
    mean += weight * value;
    square += weight * value * value;
  }
  return {mean, square - mean * mean};
}

/// Mean square of one column of e(sigma): 1/2 for sines and cosines. ln sigma is about N(-1.2, 1.2^2), as in EDM.
double mean_square(const Conditioning& conditioning) {
  return conditioning.kind == Conditioning::Kind::fourier ? 0.5 : 1.2 * 1.2 + 1.2 * 1.2;
}

void draw_torch(const MlpShape& net, std::uint64_t seed, std::vector<float>& params) {
  for (const MlpShape::Layer& layer : net.layers()) {
    const double bound = 1 / std::sqrt(static_cast<double>(layer.in));
    for (std::int64_t i = layer.weight; i < layer.bias + layer.out; ++i)
      params[static_cast<std::size_t>(i)] = static_cast<float>(uniform_at(seed, i) * bound);
  }
}

void draw_first_layer(const MlpShape& net, const MlpShape::Layer& layer, std::uint64_t seed,
                      std::vector<float>& params) {
  const int features = feature_count(net.conditioning), context = context_count(net.context);
  const double part = features > 0 ? kPartOfFeatures : 0, context_part = context > 0 ? kPartOfContext : 0;
  const double of_x = std::sqrt((1 - part - context_part) / net.dim);
  const double of_feature = features > 0 ? std::sqrt(part / (features * mean_square(net.conditioning))) : 0;
  const double of_context = context > 0 ? std::sqrt(context_part / context) : 0;  // columns of mean square 1
  for (std::int64_t i = layer.weight; i < layer.bias; ++i) {
    const std::int64_t column = (i - layer.weight) % layer.in;
    const double deviation = column < net.dim ? of_x : column < net.dim + features ? of_feature : of_context;
    params[static_cast<std::size_t>(i)] =
        static_cast<float>(deviation * normal_at(philox::Purpose::parameters, seed, i));
  }
  for (std::int64_t i = layer.bias; i < layer.bias + layer.out; ++i)
    params[static_cast<std::size_t>(i)] = static_cast<float>(kFirstBias * uniform_at(seed, i));
}

/// @param input mean and variance of each of the layer's inputs
void draw_hidden_layer(const MlpShape::Layer& layer, const Moments& input, std::uint64_t seed,
                       std::vector<float>& params) {
  const double deviation = 1 / std::sqrt(layer.in * input.variance);
  for (std::int64_t row = 0; row < layer.out; ++row) {
    double sum = 0;
    for (std::int64_t i = layer.weight + row * layer.in; i < layer.weight + (row + 1) * layer.in; ++i) {
      const double weight = deviation * normal_at(philox::Purpose::parameters, seed, i);
      params[static_cast<std::size_t>(i)] = static_cast<float>(weight);
      sum += weight;
    }
    params[static_cast<std::size_t>(layer.bias + row)] = static_cast<float>(-input.mean * sum);
  }
}

void draw_variance_preserving(const MlpShape& net, std::uint64_t seed, std::vector<float>& params) {
  const std::vector<MlpShape::Layer> layers = net.layers();
  // z has variance 1 in layers after the first. In the first, the variance of its biases is added.
  const Moments first = moments_of(net.activation, 1 + kFirstBias * kFirstBias / 3),
                hidden = moments_of(net.activation, 1);
  Moments input;
  for (std::size_t k = 0; k + 1 < layers.size(); ++k) {  // the last layer stays zero
    const MlpShape::Layer& layer = layers[k];
    if (k == 0)
      draw_first_layer(net, layer, seed, params);
    else
      draw_hidden_layer(layer, input, seed, params);
    const bool adds = net.residual && layer.in == layer.out;
    const Moments& one = k == 0 ? first : hidden;
    input = {one.mean + (adds ? input.mean : 0), one.variance + (adds ? input.variance : 0)};
  }
}

}  // namespace

std::vector<float> MlpShape::initial_params(std::uint64_t seed, Initialization initialization) const {
  check(*this);
  std::vector<float> params(static_cast<std::size_t>(param_count()));
  switch (initialization) {
    case Initialization::torch:
      draw_torch(*this, seed, params);
      return params;
    case Initialization::variance_preserving:
      draw_variance_preserving(*this, seed, params);
      return params;
  }
  throw_invalid("initialization", "torch or variance_preserving", std::to_string(static_cast<int>(initialization)));
}

}  // namespace scorematch
