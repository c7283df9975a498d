#include "plans/hutch_plus_plus.h"

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include "checks/argument.h"
#include "checks/descriptions.h"
#include "scorematch/error.h"

namespace scorematch {
namespace {

int checked_count(const Engine& engine, int dim, const Likelihood& likelihood) {
  if (engine.kind() == Engine::Kind::cuda)
    throw Error(ErrorCode::unsupported, "likelihood.trace_estimator",
                "likelihood.trace_estimator: expected hutchinson on the cuda engine, got hutch_plus_plus");
  const int m = likelihood.projections;
  if (m < 3 || m % 3 != 0)
    throw_invalid("likelihood.projections", "a multiple of 3, at least 3, for trace_estimator hutch_plus_plus",
                  std::to_string(m));
  if (m / 3 > dim)
    throw_invalid("likelihood.projections",
                  "at most 3 dim = " + std::to_string(3 * std::int64_t{dim}) + " for trace_estimator hutch_plus_plus",
                  std::to_string(m));
  check_directions(m / 3, likelihood.distribution, dim);
  return m / 3;
}

/// Vectors v_m of one sample, in a stack [M, N, d].
template <class T>
struct Vectors {
  T* data;
  std::int64_t plane, dim;

  Vectors(const View& stack, std::int64_t n)
      : data(static_cast<T*>(stack.data) + n * stack.stride[1]), plane(stack.stride[0]), dim(stack.shape.extent[2]) {}
  T* operator[](int m) const { return data + m * plane; }

  /// In double.
  double dot(const T* a, const T* b) const {
    double sum = 0;
    for (std::int64_t i = 0; i < dim; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
  }
  /// v -= q (q.v) for the first `count` vectors q. Twice, because rounding spoils the first result where v is nearly in
  /// their span.
  void remove_from(T* v, int count) const {
    for (int round = 0; round < 2; ++round)
      for (int k = 0; k < count; ++k) {
        const T* q = (*this)[k];
        const double along = dot(q, v);
        for (std::int64_t i = 0; i < dim; ++i)
          v[i] = static_cast<T>(static_cast<double>(v[i]) - along * static_cast<double>(q[i]));
      }
  }
};

/// Calls each(Vectors of directions, Vectors of products) for each sample.
template <class Each>
void for_each_sample(const HutchPlusPlus::Stacks& stacks, const Each& each) {
  for (std::int64_t n = 0; n < stacks.products.shape.extent[1]; ++n) {
    if (stacks.products.dtype == DType::f64)
      each(Vectors<double>(stacks.directions, n), Vectors<double>(stacks.products, n));
    else
      each(Vectors<float>(stacks.directions, n), Vectors<float>(stacks.products, n));
  }
}

}  // namespace

HutchPlusPlus::HutchPlusPlus(const Engine& engine, int dim, const Likelihood& likelihood, DType dtype,
                             std::int64_t max_batch)
    : count_(checked_count(engine, dim, likelihood)),
      arrays_(dtype, max_batch, dim),
      // Normals, as a few vectors of signs are often dependent. Their numbers are not those of the other directions,
      // because G must not depend on S.
      sketches_(engine.impl()->make_direction({dim, count_, Projection::gaussian, max_batch, count_})),
      rest_(engine.impl()->make_direction({dim, count_, likelihood.distribution, max_batch})) {
  arrays_.check_size(2 * std::int64_t{count_}, "likelihood");
}

void HutchPlusPlus::draw_sketches(Queue& queue, const NoiseRef& noise, const Stacks& stacks) const {
  sketches_->run(queue.impl(), noise, stacks.directions, stacks.directions.shape.extent[1]);
}

void HutchPlusPlus::find_basis(const Stacks& stacks) const {
  for_each_sample(stacks, [&](const auto&, const auto& q) {
    using T = std::remove_pointer_t<decltype(q.data)>;
    for (int m = 0; m < count_; ++m) {
      const double before = std::sqrt(q.dot(q[m], q[m]));
      q.remove_from(q[m], m);
      const double length = std::sqrt(q.dot(q[m], q[m]));
      // What is left of a vector in the span is rounding.
      const double rounding =
          4 * static_cast<double>(std::numeric_limits<T>::epsilon()) * std::sqrt(static_cast<double>(q.dim)) * before;
      const double factor = length > rounding ? 1 / length : 0;
      for (std::int64_t i = 0; i < q.dim; ++i) q[m][i] = static_cast<T>(static_cast<double>(q[m][i]) * factor);
    }
  });
}

void HutchPlusPlus::draw_rest(Queue& queue, const NoiseRef& noise, const Stacks& stacks) const {
  rest_->run(queue.impl(), noise, stacks.directions, stacks.directions.shape.extent[1]);
  for_each_sample(stacks, [&](const auto& g, const auto& q) {
    for (int m = 0; m < count_; ++m) q.remove_from(g[m], count_);
  });
}

}  // namespace scorematch
