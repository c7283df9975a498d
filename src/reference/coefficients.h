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
  struct Visitor {
    const T& sigma;
    Coefficients<T> operator()(const parameterization::Plain&) const { return {T(0), T(1), T(1)}; }
    Coefficients<T> operator()(const parameterization::Ncsn&) const { return {T(0), 1.0 / sigma, T(1)}; }
    Coefficients<T> operator()(const parameterization::NoisePrediction&) const { return {T(0), -1.0 / sigma, T(1)}; }
    Coefficients<T> operator()(const parameterization::Edm& edm) const {
      const T total = sigma * sigma + edm.sigma_data * edm.sigma_data, root = sqrt(total);
      return {-1.0 / total, edm.sigma_data / (sigma * root), 1.0 / root};
    }
  };
  return std::visit(Visitor{sigma}, parameterization);
}

/// e(sigma)
template <class T>
std::vector<T> features(const Conditioning& conditioning, const T& sigma) {
  using std::cos;
  using std::log;
  using std::sin;
  if (std::holds_alternative<conditioning::LogSigma>(conditioning)) return {log(sigma)};
  std::vector<T> e;
  if (const auto* fourier = std::get_if<conditioning::Fourier>(&conditioning)) {
    for (const double w : fourier->frequencies) e.push_back(sin(kTwoPi * w * log(sigma)));
    for (const double w : fourier->frequencies) e.push_back(cos(kTwoPi * w * log(sigma)));
  }
  return e;
}

template <class T>
T weight(const Weighting& weighting, const T& sigma) {
  struct Visitor {
    const T& sigma;
    T operator()(const weighting::None&) const { return T(1); }
    T operator()(const weighting::Sigma2&) const { return sigma * sigma; }
    T operator()(const weighting::Edm& edm) const {
      const double data2 = edm.sigma_data * edm.sigma_data;
      return sigma * sigma * (sigma * sigma + data2) / data2;
    }
  };
  return std::visit(Visitor{sigma}, weighting);
}

}  // namespace scorematch::reference
