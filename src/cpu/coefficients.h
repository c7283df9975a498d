// The coefficients and the weight that depend on sigma, in double. They are computed only once per sample.
#pragma once
#include <cmath>

#include "scorematch/mlp.h"
#include "scorematch/objective.h"

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
  }
  return {0, 1, 1};
}

inline double weight(const Weighting& weighting, double sigma) {
  const double square = sigma * sigma;
  switch (weighting.kind) {
    case Weighting::Kind::none:
      break;
    case Weighting::Kind::sigma2:
      return square;
    case Weighting::Kind::edm: {
      const double data = weighting.sigma_data;
      return square * (square + data * data) / (data * data);
    }
  }
  return 1;
}

}  // namespace scorematch::cpu
