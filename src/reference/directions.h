// The directions of a sample, in double, one at a time (docs/math.md, sections "The noise" and "Directions without
// replacement").
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

#include "reference/noise.h"
#include "scorematch/distinct.h"

namespace scorematch::reference {

inline std::vector<double> direction_normals(const SampleNoise& noise, int dim, std::uint32_t m) {
  return normals(dim, [&](std::uint32_t group) { return noise.block(philox::Purpose::direction, group, m); });
}

inline std::vector<double> direction_signs(const SampleNoise& noise, int dim, std::uint32_t m) {
  std::vector<double> v;
  for (int i = 0; i < dim; ++i) {
    const auto at = static_cast<std::uint32_t>(i);
    v.push_back(static_cast<double>(philox::sign(noise.block(philox::Purpose::direction, at / 128, m), at % 128)));
  }
  return v;
}

/// The 2-norm of v from element `first`.
inline double norm_from(const std::vector<double>& v, std::size_t first) {
  double square = 0;
  for (std::size_t i = first; i < v.size(); ++i) square += v[i] * v[i];
  return std::sqrt(square);
}

/// Column m of an orthogonal matrix uniform over all (Stewart 1980, section 3): with normals g_k, H_0 ... H_{m-1} u_m,
/// where u_m is the direction of g_m from element m, and H_k is the reflection that exchanges u_k and a multiple of
/// e_k.
inline std::vector<double> frame_direction(const SampleNoise& noise, int dim, std::uint32_t m) {
  std::vector<double> v = direction_normals(noise, dim, m);
  const double length = norm_from(v, m);
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = i < m ? 0 : v[i] / length;
  for (std::uint32_t k = m; k-- > 0;) {
    std::vector<double> w = direction_normals(noise, dim, k);
    w[k] += std::copysign(norm_from(w, k), w[k]);
    const double square = norm_from(w, k) * norm_from(w, k);
    double along = 0;
    for (std::size_t i = k; i < v.size(); ++i) along += w[i] * v[i];
    for (std::size_t i = k; i < v.size(); ++i) v[i] -= 2 * along / square * w[i];
  }
  return v;
}

/// v_m of a sample.
inline std::vector<double> draw_direction(const SampleNoise& noise, int dim, Projection distribution, std::uint32_t m) {
  const NoiseState::Position& at = noise.position;
  const auto step = static_cast<std::uint64_t>(at.step), sample = static_cast<std::uint64_t>(at.first_sample);
  std::vector<double> v;
  switch (distribution) {
    case Projection::gaussian:
      return direction_normals(noise, dim, m);
    case Projection::rademacher:
      return direction_signs(noise, dim, m);
    case Projection::sphere: {
      v = direction_normals(noise, dim, m);
      double square = 0;
      for (const double each : v) square += each * each;
      for (double& each : v) each *= std::sqrt(dim / square);
      break;
    }
    case Projection::hadamard: {
      const std::uint32_t row = distinct::hadamard_row(at.seed, step, sample, m, dim);
      v = direction_signs(noise, dim, 0);
      for (std::size_t i = 0; i < v.size(); ++i)
        if (distinct::parity(row & static_cast<std::uint32_t>(i)) != 0) v[i] = -v[i];
      break;
    }
    case Projection::coordinates:
      v.assign(static_cast<std::size_t>(dim), 0.0);
      v[distinct::coordinate(at.seed, step, sample, m, dim)] = std::sqrt(dim);
      break;
    case Projection::orthogonal:
      v = frame_direction(noise, dim, m);
      for (double& each : v) each *= std::sqrt(dim);
      break;
  }
  return v;
}

}  // namespace scorematch::reference
