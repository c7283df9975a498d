/// @file
/// Central differences, and the comparison of arrays with them.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace scorematch::testing_support {

inline double largest(const std::vector<double>& values) {
  double most = 0;
  for (const double each : values) most = std::max(most, std::abs(each));
  return most;
}

/// Expects each element to be within `relative` times the largest one.
inline void expect_close(const std::vector<double>& got, const std::vector<double>& want, double relative) {
  ASSERT_EQ(got.size(), want.size());
  const double tolerance = relative * largest(want);
  for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(got[i], want[i], tolerance) << i;
}

/// (f(t + h) - f(t - h)) / 2h with h = 2^-17: the error is f''' h^2 / 6 ~ 1e-11 and rounding u |f| / h ~ 1e-11.
inline double central_difference(double& t, const std::function<double()>& f) {
  constexpr double kStep = 0x1p-17;
  const double at = t;
  t = at + kStep;
  const double above = f();
  t = at - kStep;
  const double below = f();
  t = at;
  return (above - below) / (2 * kStep);
}

}  // namespace scorematch::testing_support
