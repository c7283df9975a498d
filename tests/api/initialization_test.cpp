// What initial parameters do to the signal in each layer, and torch's distribution of initial parameters.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "model/network.h"
#include "scorematch/error.h"
#include "scorematch/mlp.h"
#include "scorematch/objective.h"
#include "scorematch/philox.h"

namespace scorematch {
namespace {

double activate(Activation activation, double z) {
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
  return z * std::erfc(-z / std::sqrt(2.0)) / 2;
}

/// z of every hidden layer at one input of the network.
std::vector<std::vector<double>> preactivations(const MlpShape& net, const std::vector<float>& params,
                                                std::vector<double> h) {
  std::vector<std::vector<double>> all;
  const auto layers = net.layers();
  for (std::size_t k = 0; k + 1 < layers.size(); ++k) {
    const auto& layer = layers[k];
    std::vector<double> z;
    for (int i = 0; i < layer.out; ++i) {
      double sum = params[static_cast<std::size_t>(layer.bias + i)];
      for (int j = 0; j < layer.in; ++j)
        sum += params[static_cast<std::size_t>(layer.weight + std::int64_t{i} * layer.in + j)] *
               h[static_cast<std::size_t>(j)];
      z.push_back(sum);
    }
    std::vector<double> next;
    for (std::size_t i = 0; i < z.size(); ++i)
      next.push_back(activate(net.activation, z[i]) + (net.residual && layer.in == layer.out ? h[i] : 0));
    all.push_back(z);
    h = next;
  }
  return all;
}

struct Spread {
  double total = 0;   // variance of z over units and inputs
  double over_x = 0;  // variance of z over x at one sigma, averaged over units
};

/// The spread of z in each hidden layer, over x ~ N(0, I) at one sigma.
std::vector<Spread> spread_over_x(const MlpShape& net, const std::vector<float>& params) {
  constexpr int kInputs = 200;
  std::mt19937 generator(7);
  std::normal_distribution<double> normal;
  std::vector<std::vector<double>> sum, square;
  for (int n = 0; n < kInputs; ++n) {
    std::vector<double> input;
    for (int j = 0; j < net.dim; ++j) input.push_back(normal(generator));
    const double log_sigma = -1.7;
    if (net.conditioning.kind == Conditioning::Kind::fourier) {
      for (const double w : net.conditioning.frequencies)
        input.push_back(std::sin(2 * 3.141592653589793 * w * log_sigma));
      for (const double w : net.conditioning.frequencies)
        input.push_back(std::cos(2 * 3.141592653589793 * w * log_sigma));
    } else if (net.conditioning.kind == Conditioning::Kind::log_sigma) {
      input.push_back(log_sigma);
    }
    const auto z = preactivations(net, params, input);
    sum.resize(z.size()), square.resize(z.size());
    for (std::size_t k = 0; k < z.size(); ++k) {
      sum[k].resize(z[k].size()), square[k].resize(z[k].size());
      for (std::size_t i = 0; i < z[k].size(); ++i) sum[k][i] += z[k][i], square[k][i] += z[k][i] * z[k][i];
    }
  }
  std::vector<Spread> result;
  for (std::size_t k = 0; k < sum.size(); ++k) {
    Spread spread;
    double mean = 0, mean_square = 0;
    const auto width = static_cast<double>(sum[k].size());
    for (std::size_t i = 0; i < sum[k].size(); ++i) {
      const double m = sum[k][i] / kInputs;
      spread.over_x += (square[k][i] / kInputs - m * m) / width;
      mean += m / width;
      mean_square += square[k][i] / kInputs / width;
    }
    spread.total = mean_square - mean * mean;
    result.push_back(spread);
  }
  return result;
}

struct Case {
  const char* name;
  int dim;
  int depth;
  Activation activation;
  bool residual;
  Conditioning conditioning;
};

class VariancePreserving : public ::testing::TestWithParam<Case> {
 protected:
  static MlpShape net() {
    const Case& c = GetParam();
    MlpShape net = MlpShape::score(c.dim, std::vector<int>(static_cast<std::size_t>(c.depth), 512), c.activation);
    net.residual = c.residual;
    net.conditioning = c.conditioning;
    return net;
  }
};

TEST_P(VariancePreserving, KeepsTheSignalOfXThroughTheLayers) {
  const std::vector<Spread> layers = spread_over_x(net(), net().initial_params(3));
  for (std::size_t k = 0; k < layers.size(); ++k) {
    // Expected are 1, and 4/3 in the first layer, whose biases add variance. |x|^2 of two columns scatters, and depth
    // amplifies that.
    EXPECT_GT(layers[k].total, 0.6) << "layer " << k;
    EXPECT_LT(layers[k].total, 2.0) << "layer " << k;
    EXPECT_GT(layers[k].over_x, 0.25) << "layer " << k;
  }
}

TEST_P(VariancePreserving, StartsAtZeroOutput) {
  const std::vector<float> params = net().initial_params(3);
  const MlpShape::Layer last = net().layers().back();
  for (std::int64_t i = last.weight; i < last.bias + last.out; ++i) ASSERT_EQ(params[static_cast<std::size_t>(i)], 0);
}

INSTANTIATE_TEST_SUITE_P(
    Nets, VariancePreserving,
    ::testing::Values(Case{"Silu", 2, 3, Activation::silu, false, conditioning::Fourier::random(8, 0.25)},
                      Case{"SiluResidual", 2, 3, Activation::silu, true, conditioning::Fourier::random(8, 0.25)},
                      Case{"SiluDeep", 2, 8, Activation::silu, false, conditioning::Fourier::random(8, 0.25)},
                      Case{"SiluDeepResidual", 2, 8, Activation::silu, true, conditioning::Fourier::random(8, 0.25)},
                      Case{"SiluManyFeatures", 1, 3, Activation::silu, true, conditioning::Fourier::random(64, 0.25)},
                      Case{"SiluManyColumns", 300, 3, Activation::silu, true, conditioning::Fourier::random(8, 0.25)},
                      Case{"Gelu", 2, 4, Activation::gelu, false, conditioning::LogSigma{}},
                      Case{"GeluResidual", 2, 4, Activation::gelu, true, conditioning::LogSigma{}},
                      Case{"Tanh", 2, 4, Activation::tanh, false, conditioning::None{}},
                      Case{"TanhResidual", 16, 4, Activation::tanh, true, conditioning::LogSigma{}},
                      Case{"Softplus", 2, 4, Activation::softplus, false, conditioning::LogSigma{}},
                      Case{"SoftplusResidual", 2, 4, Activation::softplus, true,
                           conditioning::Fourier::random(8, 0.25)}),
    [](const auto& info) { return std::string(info.param.name); });

// The reason for the default: with torch's distribution, three SiLU layers lose nearly all of x.
TEST(Torch, LosesTheSignalOfXInDepth) {
  MlpShape net = MlpShape::score(2, {256, 256, 256});
  net.conditioning = conditioning::Fourier::random(8, 0.25);
  EXPECT_LT(spread_over_x(net, net.initial_params(3, Initialization::torch)).back().over_x, 1e-3);
}

TEST(Torch, IsUniformByFanInAsPhiloxDraws) {
  const MlpShape net = MlpShape::score(3, {5, 4});
  const std::vector<float> params = net.initial_params(11, Initialization::torch);
  for (const auto& layer : net.layers())
    for (std::int64_t i = layer.weight; i < layer.bias + layer.out; ++i) {
      const auto r = philox::philox4x32_10(
          philox::counter(philox::Purpose::parameters, 0, static_cast<std::uint64_t>(i / 4), 0), 11);
      const double u = static_cast<double>(philox::uniform(r.word[i % 4]));
      EXPECT_EQ(params[static_cast<std::size_t>(i)],
                static_cast<float>((2 * u - 1) * (1 / std::sqrt(static_cast<double>(layer.in)))));
    }
}

// The sizes are those of docs/tutorial.md.
TEST(Diffusion, IsAResidualNetworkThatFollowsTheDimension) {
  for (const auto& [dim, hidden] : {std::pair(1, std::vector<int>(8, 96)),
                                    {16, std::vector<int>(8, 96)},
                                    {17, std::vector<int>(4, 256)},
                                    {128, std::vector<int>(4, 256)},
                                    {129, std::vector<int>(3, 320)},
                                    {300, std::vector<int>(3, 640)},
                                    {5000, std::vector<int>(3, 1024)}}) {
    for (const auto kind : {MlpShape::Kind::score, MlpShape::Kind::energy}) {
      const MlpShape net = MlpShape::diffusion(dim, kind);
      EXPECT_EQ(net.kind, kind);
      EXPECT_EQ(net.hidden, hidden) << dim;
      EXPECT_TRUE(net.residual);
      EXPECT_TRUE(net.parameterization.kind == Parameterization::Kind::edm);
      EXPECT_TRUE(net.conditioning.kind == Conditioning::Kind::fourier);
    }
  }
  EXPECT_THROW(MlpShape::diffusion(0), Error);
  const Loss loss = Loss::diffusion();
  EXPECT_TRUE(std::holds_alternative<Dsm>(loss.objective));
  EXPECT_TRUE(loss.weighting.kind == Weighting::Kind::edm);
  // Other networks are plain, unconditioned and not residual by default.
  const MlpShape plain = MlpShape::score(2, {8});
  EXPECT_TRUE(plain.parameterization.kind == Parameterization::Kind::plain);
  EXPECT_TRUE(plain.conditioning.kind == Conditioning::Kind::none);
  EXPECT_FALSE(plain.residual);
}

TEST(InitialParams, DependOnTheSeedAlone) {
  const MlpShape net = MlpShape::score(3, {5, 4});
  EXPECT_EQ(net.initial_params(1), net.initial_params(1));
  EXPECT_NE(net.initial_params(1), net.initial_params(2));
}

TEST(InitialParams, RefuseAnUnknownInitialization) {
  try {
    (void)MlpShape::score(3, {5}).initial_params(1, static_cast<Initialization>(7));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.argument(), "initialization");
    EXPECT_NE(std::string(error.what()).find("got 7"), std::string::npos);
  }
}

}  // namespace
}  // namespace scorematch
