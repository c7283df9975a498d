// The coefficients that depend on sigma, in double. They are computed only once per sample.
#pragma once
#include <cmath>

#include "scorematch/mlp.h"

namespace scorematch::cpu {

/// s = a x_tilde + b F(c x_tilde, e(sigma))
struct Coefficients {
  double a, b, c;
};

inline Coefficients coefficients(const Parameterization& parameterization, double sigma) {
  switch (parameterization.kind) {
    case Parameterization::Kind::plain:
      break;
    case Parameterization::Kind::ncsn:
      return {0, 1 / sigma, 1};
    case Parameterization::Kind::noise_prediction:
      return {0, -1 / sigma, 1};
    case Parameterization::Kind::edm: {
      const double data = parameterization.sigma_data;
      const double total = sigma * sigma + data * data, root = std::sqrt(total);
      return {-1 / total, data / (sigma * root), 1 / root};
    }
    case Parameterization::Kind::epsilon:
      return {0, -1 / sigma, 1 / std::sqrt(1 + sigma * sigma)};
    case Parameterization::Kind::v_prediction: {
      const double total = 1 + sigma * sigma, root = std::sqrt(total);
      return {-1 / total, -1 / (sigma * root), 1 / root};
    }
    case Parameterization::Kind::data_prediction: {
      const double square = sigma * sigma;
      return {-1 / square, 1 / square, 1 / std::sqrt(1 + square)};
    }
    case Parameterization::Kind::velocity: {
      const double both = -1 / (sigma * (1 + sigma));
      return {both, both, 1 / (1 + sigma)};
    }
  }
  return {0, 1, 1};
}

}  // namespace scorematch::cpu
