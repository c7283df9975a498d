#include "cpu/tile/directions.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/tile/rows.h"
#include "scorematch/distinct.h"

namespace scorematch::cpu {
namespace {

void scale_to_sphere(int rows, int dim, float* to, std::int64_t stride) {
  for (int r = 0; r < rows; ++r) {
    float* v = to + r * stride;
    double square = 0;
    for (int i = 0; i < dim; ++i) square += static_cast<double>(v[i]) * static_cast<double>(v[i]);
    const double factor = std::sqrt(dim / square);
    for (int i = 0; i < dim; ++i) v[i] = static_cast<float>(static_cast<double>(v[i]) * factor);
  }
}

/// Signs of one draw for all directions of a sample, times a row of the Hadamard matrix.
void fill_hadamard(Draw draw, int rows, int dim, float* to, std::int64_t stride) {
  std::uint32_t hadamard_rows[kMaxTileRows];
  for (int r = 0; r < rows; ++r)
    hadamard_rows[r] = distinct::hadamard_row(draw.seed, draw.step, draw.first_sample + static_cast<std::uint64_t>(r),
                                              draw.direction, dim);
  draw.direction = 0;
  fill_signs(draw, rows, dim, to, stride, hadamard_rows);
}

void fill_coordinates(const Draw& draw, int rows, int dim, float* to, std::int64_t stride) {
  const auto length = static_cast<float>(std::sqrt(dim));
  for (int r = 0; r < rows; ++r) {
    float* v = to + r * stride;
    std::fill_n(v, dim, 0.0f);
    v[distinct::coordinate(draw.seed, draw.step, draw.first_sample + static_cast<std::uint64_t>(r), draw.direction,
                           dim)] = length;
  }
}

/// Columns of an orthogonal matrix that is uniform over all, as products of Householder's reflections of normals
/// (Stewart 1980, section 3; docs/math.md, section "Directions without replacement").
class Frames {
 public:
  explicit Frames(int dim) : dim_(dim), normals_(static_cast<std::size_t>(dim)), v_(static_cast<std::size_t>(dim)) {}

  /// Column `draw.direction`, times sqrt(dim), of sample `draw.first_sample`.
  void fill(const Draw& draw, float* to) {
    const auto m = static_cast<int>(draw.direction);
    load(draw, m);
    const double factor = std::sqrt(dim_) / norm_from(m);
    for (int i = 0; i < dim_; ++i) v_[at(i)] = i < m ? 0 : factor * normal(i);
    for (int k = m - 1; k >= 0; --k) reflect(draw, k);
    for (int i = 0; i < dim_; ++i) to[i] = static_cast<float>(v_[at(i)]);
  }

 private:
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  double normal(int i) const { return static_cast<double>(normals_[at(i)]); }

  void load(Draw draw, int k) {
    draw.direction = static_cast<std::uint32_t>(k);
    fill_normal(draw, 1, dim_, normals_.data(), dim_);
  }
  double norm_from(int first) const {
    double square = 0;
    for (int i = first; i < dim_; ++i) square += normal(i) * normal(i);
    return std::sqrt(square);
  }
  /// v -= 2 w (w.v) / |w|^2 with w = g_k + sign(g_kk) |g_k| e_k, where g_k begins at element k.
  void reflect(const Draw& draw, int k) {
    load(draw, k);
    const double length = norm_from(k), first = normal(k), head = first + std::copysign(length, first);
    double along = head * v_[at(k)];
    for (int i = k + 1; i < dim_; ++i) along += normal(i) * v_[at(i)];
    const double factor = along / (length * (length + std::abs(first)));  // |w|^2 = 2 |g| (|g| + |g_kk|)
    v_[at(k)] -= factor * head;
    for (int i = k + 1; i < dim_; ++i) v_[at(i)] -= factor * normal(i);
  }

  int dim_;
  std::vector<float> normals_;
  std::vector<double> v_;
};

void fill_frames(Draw draw, int rows, int dim, float* to, std::int64_t stride) {
  Frames frames(dim);
  for (int r = 0; r < rows; ++r, ++draw.first_sample) frames.fill(draw, to + r * stride);
}

}  // namespace

void fill_direction(const Draw& draw, Projection distribution, int rows, int dim, float* to, std::int64_t stride) {
  switch (distribution) {
    case Projection::rademacher:
      return fill_signs(draw, rows, dim, to, stride);
    case Projection::gaussian:
      return fill_normal(draw, rows, dim, to, stride);
    case Projection::sphere:
      fill_normal(draw, rows, dim, to, stride);
      return scale_to_sphere(rows, dim, to, stride);
    case Projection::hadamard:
      return fill_hadamard(draw, rows, dim, to, stride);
    case Projection::coordinates:
      return fill_coordinates(draw, rows, dim, to, stride);
    case Projection::orthogonal:
      return fill_frames(draw, rows, dim, to, stride);
  }
}

void fill_unit_direction(int i, int rows, float* to, int stride) {
  std::fill_n(to, std::int64_t{rows} * stride, 0.0f);
  for (int r = 0; r < rows; ++r) to[std::int64_t{r} * stride + i] = 1.0f;
}

}  // namespace scorematch::cpu
