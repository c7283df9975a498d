// How sigma enters: s = a x_tilde + b F(c x_tilde, e(sigma)), and the weighting lambda(sigma).
#pragma once
#include <cmath>
#include <vector>

#include "scorematch/mlp.h"
#include "scorematch/objective.h"

namespace scorematch::reference {

constexpr double kTwoPi = 6.283185307179586476925286766559;

template <class T>
struct Coefficients {
  T a, b, c;
};

template <class T>
Coefficients<T> coefficients(const Parameterization& parameterization, const T& sigma) {
  using std::sqrt;
  switch (parameterization.kind) {
    case Parameterization::Kind::plain:
      break;
    case Parameterization::Kind::ncsn:
      return {T(0), 1.0 / sigma, T(1)};
    case Parameterization::Kind::noise_prediction:
      return {T(0), -1.0 / sigma, T(1)};
    case Parameterization::Kind::edm: {
      const double data = parameterization.sigma_data;
      const T total = sigma * sigma + data * data, root = sqrt(total);
      return {-1.0 / total, data / (sigma * root), 1.0 / root};
    }
    case Parameterization::Kind::epsilon:
      return {T(0), -1.0 / sigma, 1.0 / sqrt(1.0 + sigma * sigma)};
    case Parameterization::Kind::v_prediction: {
      const T total = 1.0 + sigma * sigma, root = sqrt(total);
      return {-1.0 / total, -1.0 / (sigma * root), 1.0 / root};
    }
    case Parameterization::Kind::data_prediction: {
      const T square = sigma * sigma;
      return {-1.0 / square, 1.0 / square, 1.0 / sqrt(1.0 + square)};
    }
    case Parameterization::Kind::velocity: {
      const T total = 1.0 + sigma, both = -1.0 / (sigma * total);
      return {both, both, 1.0 / total};
    }
  }
  return {T(0), T(1), T(1)};
}

/// e(sigma)
template <class T>
std::vector<T> features(const Conditioning& conditioning, const T& sigma) {
  using std::cos;
  using std::log;
  using std::sin;
  std::vector<T> e;
  switch (conditioning.kind) {
    case Conditioning::Kind::none:
      break;
    case Conditioning::Kind::log_sigma:
      e.push_back(log(sigma));
      break;
    case Conditioning::Kind::fourier:
      for (const double w : conditioning.frequencies) e.push_back(sin(kTwoPi * w * log(sigma)));
      for (const double w : conditioning.frequencies) e.push_back(cos(kTwoPi * w * log(sigma)));
      break;
  }
  return e;
}

template <class T>
T weight(const Weighting& weighting, const T& sigma) {
  const T square = sigma * sigma;
  switch (weighting.kind) {
    case Weighting::Kind::none:
      break;
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
      return square > 1.0 / weighting.gamma ? square : weighting.gamma * square * square;
    case Weighting::Kind::truncated_snr:
      return square > 1.0 ? square * square : square;
  }
  return T(1);
}

}  // namespace scorematch::reference
