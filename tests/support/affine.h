/// @file
/// Affine scores s = A x + b in closed form: every loss, its gradients, and the sizes that scale rounding errors.
#pragma once
#include <cmath>
#include <vector>

#include "support/loss_case.h"

namespace scorematch::testing_support {

using Vector = std::vector<double>;

inline double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// a + factor b
inline Vector plus(Vector a, const Vector& b, double factor = 1) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += factor * b[i];
  return a;
}

inline Vector absolute(Vector a) {
  for (double& each : a) each = std::abs(each);
  return a;
}

struct Affine {
  Vector a, b;  // [d, d], [d]

  Vector linear(const Vector& x) const {
    Vector y;
    for (std::size_t i = 0; i < b.size(); ++i) {
      y.push_back(0);
      for (std::size_t j = 0; j < x.size(); ++j) y[i] += a[i * b.size() + j] * x[j];
    }
    return y;
  }
  Vector operator()(const Vector& x) const { return plus(linear(x), b); }
  Vector transposed(const Vector& y) const {
    Vector x(b.size(), 0.0);
    for (std::size_t i = 0; i < b.size(); ++i)
      for (std::size_t j = 0; j < b.size(); ++j) x[j] += a[i * b.size() + j] * y[i];
    return x;
  }
  Vector params() const {
    Vector both = a;
    both.insert(both.end(), b.begin(), b.end());
    return both;
  }
};

struct Point {
  Vector x, eps, target;  // target: grad log p
  double sigma;
  std::vector<Vector> directions;
};

inline Point point_of(const LossCase& p, std::int64_t n) {
  const auto row = [&](const Vector& all, std::int64_t index) {
    return all.empty() ? Vector() : Vector(all.begin() + index * p.net.dim, all.begin() + (index + 1) * p.net.dim);
  };
  Point point{row(p.x, n), row(p.eps, n), row(p.true_score, n), p.sigma[static_cast<std::size_t>(n)], {}};
  for (int m = 0; m < needs_of(p.loss.objective).projections; ++m)
    point.directions.push_back(row(p.directions, m * p.batch + n));
  return point;
}

/// Every loss is q + <E, A> with a quadratic q, and grad_A = r z^T + E [+ more], grad_b = r, grad_x = A^T r. The sizes
/// are the same sums with every term made positive. Rounding errors are proportional to them.
struct Expected {
  double loss = 0, loss_size = 0;
  Vector grad, grad_size;  // [d d + d]
  Vector grad_x, grad_x_size;
};

inline void add_outer(double factor, const Vector& u, const Vector& w, Vector& matrix) {
  for (std::size_t i = 0; i < u.size(); ++i)
    for (std::size_t j = 0; j < w.size(); ++j) matrix[i * w.size() + j] += factor * u[i] * w[j];
}

/// E of the sliced objectives and Ism.
inline Vector slices(const Objective& objective, const std::vector<Vector>& directions, std::size_t d) {
  Vector e(d * d, 0.0);
  for (const Vector& v : directions) add_outer(1.0 / static_cast<double>(directions.size()), v, v, e);
  if (std::holds_alternative<Ism>(objective))
    for (std::size_t i = 0; i < d; ++i) e[i * d + i] = 1;
  return e;
}

inline void set_values(const Objective& objective, const Affine& s, const Point& at, Expected& out) {
  const std::size_t d = s.b.size();
  const double share = at.directions.empty() ? 0 : 1.0 / static_cast<double>(at.directions.size());
  const Vector x_tilde = plus(at.x, at.eps, at.sigma), score = s(x_tilde);
  Vector e = slices(objective, at.directions, d), r = score, z = x_tilde, more(d * d, 0.0);
  double quadratic = 0;
  if (const auto* dsm = std::get_if<Dsm>(&objective)) {
    if (dsm->variance == Dsm::Variance::plain) r = plus(r, at.eps, 1 / at.sigma);
    if (dsm->variance != Dsm::Variance::plain) add_outer(1, at.eps, at.eps, e);
    if (dsm->variance ==
        Dsm::Variance::antithetic) {  // the mean of |s(x +- sigma eps)|^2 is |s(x)|^2 + |sigma A eps|^2
      const Vector step = s.linear(at.eps);
      r = s(at.x);
      z = at.x;
      add_outer(at.sigma * at.sigma, step, at.eps, more);
      quadratic += 0.5 * at.sigma * at.sigma * dot(step, step);
    }
  }
  if (std::holds_alternative<Esm>(objective)) r = plus(r, at.target, -1);
  if (std::holds_alternative<Ssm>(objective)) {
    r.assign(d, 0.0);
    for (const Vector& v : at.directions) {
      quadratic += share * 0.5 * dot(v, score) * dot(v, score);
      r = plus(r, v, share * dot(v, score));
    }
  } else {
    quadratic += 0.5 * dot(r, r);
  }
  out.loss = quadratic + dot(e, s.a);
  out.grad = plus(e, more);
  add_outer(1, r, z, out.grad);
  out.grad.insert(out.grad.end(), r.begin(), r.end());
  out.grad_x = s.transposed(r);
}

inline void set_sizes(const Objective& objective, const Affine& s, const Point& at, Expected& out) {
  const Affine size{absolute(s.a), absolute(s.b)};
  const Vector z = plus(absolute(at.x), absolute(at.eps), at.sigma), score = size(z);
  Vector r = plus(score, absolute(at.target.empty() ? Vector(z.size(), 0.0) : at.target));
  r = plus(r, absolute(at.eps), 1 / at.sigma);
  out.loss_size = dot(r, r);
  std::vector<Vector> directions;
  for (const Vector& v : at.directions) directions.push_back(absolute(v));
  Vector e = slices(objective, directions, z.size());
  if (std::holds_alternative<Dsm>(objective)) add_outer(1, absolute(at.eps), absolute(at.eps), e);
  for (const Vector& v : directions) {
    const double slice = dot(v, score) / static_cast<double>(directions.size());
    out.loss_size += slice * dot(v, score);
    r = plus(r, v, slice);
  }
  out.loss_size += dot(e, size.a);
  out.grad_size = e;
  add_outer(2, r, z, out.grad_size);
  for (double& each : r) each *= 2;
  out.grad_size.insert(out.grad_size.end(), r.begin(), r.end());
  out.grad_x_size = size.transposed(r);
}

inline Expected expected(const Objective& objective, const Affine& s, const Point& at) {
  Expected out;
  set_values(objective, s, at, out);
  set_sizes(objective, s, at, out);
  return out;
}

/// The largest number of roundings of a term of a loss or gradient: 2 for x_tilde, d for each of up to three inner
/// products, and a dozen factors. The sum of a gradient over the batch adds more. Hence |error| <= roundings u size.
inline double roundings(int dim) { return 3 * dim + 16; }

}  // namespace scorematch::testing_support
