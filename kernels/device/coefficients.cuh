// The coefficients that depend on sigma: s = a x_tilde + b F(c x_tilde, e(sigma)), weighted by lambda(sigma). Computed
// in double, because a, b and lambda are squares and roots of sigma, and only once per row.
#pragma once
#include "device/ptx.cuh"
#include "launchers.h"

namespace scorematch {
namespace kernels {

struct Coefficients {
  float a, b, c;
};

SCOREMATCH_DEVICE Coefficients coefficients(const Parameterization& parameterization, float sigma_float) {
  const double sigma = static_cast<double>(sigma_float);
  switch (parameterization.kind) {
    case Parameterization::Kind::ncsn:
      return {0.0f, static_cast<float>(1.0 / sigma), 1.0f};
    case Parameterization::Kind::noise_prediction:
      return {0.0f, static_cast<float>(-1.0 / sigma), 1.0f};
    case Parameterization::Kind::edm: {
      const double data = parameterization.sigma_data, total = sigma * sigma + data * data, root = sqrt(total);
      return {static_cast<float>(-1.0 / total), static_cast<float>(data / (sigma * root)),
              static_cast<float>(1.0 / root)};
    }
    case Parameterization::Kind::plain:
      break;
  }
  return {0.0f, 1.0f, 1.0f};
}

SCOREMATCH_DEVICE double weight(const Weighting& weighting, float sigma_float) {
  const double square = static_cast<double>(sigma_float) * static_cast<double>(sigma_float);
  switch (weighting.kind) {
    case Weighting::Kind::sigma2:
      return square;
    case Weighting::Kind::edm: {
      const double data2 = weighting.sigma_data * weighting.sigma_data;
      return square * (square + data2) / data2;
    }
    case Weighting::Kind::none:
      break;
  }
  return 1.0;
}

}  // namespace kernels
}  // namespace scorematch
