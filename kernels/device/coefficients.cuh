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
    case Parameterization::Kind::epsilon:
      return {0.0f, static_cast<float>(-1.0 / sigma), static_cast<float>(1.0 / sqrt(1.0 + sigma * sigma))};
    case Parameterization::Kind::v_prediction: {
      const double total = 1.0 + sigma * sigma, root = sqrt(total);
      return {static_cast<float>(-1.0 / total), static_cast<float>(-1.0 / (sigma * root)),
              static_cast<float>(1.0 / root)};
    }
    case Parameterization::Kind::data_prediction: {
      const double square = sigma * sigma;
      return {static_cast<float>(-1.0 / square), static_cast<float>(1.0 / square),
              static_cast<float>(1.0 / sqrt(1.0 + square))};
    }
    case Parameterization::Kind::velocity: {
      const float both = static_cast<float>(-1.0 / (sigma * (1.0 + sigma)));
      return {both, both, static_cast<float>(1.0 / (1.0 + sigma))};
    }
    case Parameterization::Kind::plain:
      break;
  }
  return {0.0f, 1.0f, 1.0f};
}

/// a, in double.
SCOREMATCH_DEVICE double score_factor(const Parameterization& parameterization, double sigma) {
  switch (parameterization.kind) {
    case Parameterization::Kind::edm:
      return -1.0 / (sigma * sigma + parameterization.sigma_data * parameterization.sigma_data);
    case Parameterization::Kind::v_prediction:
      return -1.0 / (1.0 + sigma * sigma);
    case Parameterization::Kind::data_prediction:
      return -1.0 / (sigma * sigma);
    case Parameterization::Kind::velocity:
      return -1.0 / (sigma * (1.0 + sigma));
    case Parameterization::Kind::plain:
    case Parameterization::Kind::ncsn:
    case Parameterization::Kind::noise_prediction:
    case Parameterization::Kind::epsilon:
      break;
  }
  return 0.0;
}

/// q of the denoising residual s + eps/sigma = a x + b F + q eps: a sigma + 1/sigma, which cancels, in closed form. For
/// the parameterizations whose residual takes this form (cuda/kernel_term.h), and those with a = 0.
SCOREMATCH_DEVICE float residual_noise(const Parameterization& parameterization, float sigma_float) {
  const double sigma = static_cast<double>(sigma_float);
  if (parameterization.kind == Parameterization::Kind::data_prediction) return 0.0f;
  double factor = 1.0;
  if (parameterization.kind == Parameterization::Kind::v_prediction) factor = 1.0 + sigma * sigma;
  if (parameterization.kind == Parameterization::Kind::velocity) factor = 1.0 + sigma;
  return static_cast<float>(1.0 / (sigma * factor));
}

SCOREMATCH_DEVICE double weight(const Weighting& weighting, float sigma_float) {
  const double sigma = static_cast<double>(sigma_float), square = sigma * sigma;
  switch (weighting.kind) {
    case Weighting::Kind::sigma2:
      return square;
    case Weighting::Kind::edm: {
      const double data2 = weighting.sigma_data * weighting.sigma_data;
      return square * (square + data2) / data2;
    }
    case Weighting::Kind::v_prediction:
      return square * (1.0 + square);
    case Weighting::Kind::data_prediction:
      return square * square;
    case Weighting::Kind::velocity:
      return square * (1.0 + sigma) * (1.0 + sigma);
    case Weighting::Kind::min_snr:
      return square * fmin(1.0, weighting.gamma * square);
    case Weighting::Kind::truncated_snr:
      return square * fmax(1.0, square);
    case Weighting::Kind::none:
      break;
  }
  return 1.0;
}

}  // namespace kernels
}  // namespace scorematch
