/// @file
/// An energy net that is a mixture of two Gaussians, except that its parameters are floats. With
///   g(x) = ln(e^(y/2) + e^(-y/2)) = (softplus(y) + softplus(-y)) / 2, y = 2 mu.x/tau^2 + beta,
/// -|x|^2 / (2 tau^2) + g(x) is, up to a constant, the log-density of w N(mu, tau^2 I) + (1 - w) N(-mu, tau^2 I), where
/// w = 1/(1 + e^-beta).
#pragma once
#include <cmath>
#include <vector>

#include "scorematch/mlp.h"
#include "support/mixture.h"

namespace scorematch::testing_support {

/// Valid only at `sigma`. tau^2 = sigma^2 + sigma_data^2 is that of the parameterization Edm.
struct MixtureEnergy {
  MlpShape net;
  std::vector<double> params;
  double sigma;
  Mixture density;

  MixtureEnergy(const std::vector<double>& mu, double beta, double sigma_, double sigma_data)
      : net(MlpShape::energy(static_cast<int>(mu.size()), {2}, Activation::softplus)),
        sigma(sigma_),
        density(components(mu, beta, std::hypot(sigma_, sigma_data))) {
    net.parameterization = parameterization::Edm{sigma_data};
    const double tau = std::hypot(sigma, sigma_data);  // c = 1/tau, b/c = sigma_data/sigma
    for (const double sign : {1.0, -1.0})
      for (const double each : mu) params.push_back(as_float(sign * 2 * each / tau));
    for (const double each : {beta, -beta, sigma / (2 * sigma_data), sigma / (2 * sigma_data), 0.0})
      params.push_back(as_float(each));
  }

 private:
  static Mixture components(const std::vector<double>& mu, double beta, double tau) {
    std::vector<double> opposite;
    for (const double each : mu) opposite.push_back(-each);
    const double weight = 1 / (1 + std::exp(-beta));
    return Mixture({{weight, mu, tau}, {1 - weight, opposite, tau}});
  }
};

}  // namespace scorematch::testing_support
