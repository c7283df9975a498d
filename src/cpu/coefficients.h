// How sigma enters a sample, in double: once a sample is seldom enough.
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
  switch (parameterization.index()) {
    case 1:
      return {0, 1 / sigma, 1};
    case 2:
      return {0, -1 / sigma, 1};
    case 3: {
      const double data = std::get<parameterization::Edm>(parameterization).sigma_data;
      const double total = sigma * sigma + data * data, root = std::sqrt(total);
      return {-1 / total, data / (sigma * root), 1 / root};
    }
    default:
      return {0, 1, 1};
  }
}

inline double weight(const Weighting& weighting, double sigma) {
  const double square = sigma * sigma;
  switch (weighting.index()) {
    case 1:
      return square;
    case 2: {
      const double data = std::get<weighting::Edm>(weighting).sigma_data;
      return square * (square + data * data) / (data * data);
    }
    default:
      return 1;
  }
}

}  // namespace scorematch::cpu
