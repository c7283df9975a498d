// The model of one sample: the score s and the products J v from the network's output, and the backward pass.
//
//   score net    s = a x + b F(c x, e)           J v = a v + b c (dF/dz) v
//   energy net   s = a x + b (grad F)(c x, e)    J v = a v + b c (d^2 F/dz^2) v      f = a/2 |x|^2 + (b/c) F
//
// An energy net's s is already the result of a backward pass. Its gradients are those of a sum of derivatives of F
// along constant directions, which the network carries forward. With the gradients u with respect to s and w v_m with
// respect to J v_m, that sum is
//
//   u.s + w sum_m v_m.J v_m = a (u.x + w sum_m |v_m|^2) + b F_u + w b c F"
//
// where F_u is the tangent along u, and F" is the sum over m of the second derivatives along v_m.
#pragma once
#include <utility>
#include <vector>

#include "model/network.h"
#include "reference/coefficients.h"
#include "reference/mlp.h"

namespace scorematch::reference {

/// s at one point x with the products J v_m, and what the backward pass needs.
template <class T>
struct ScoreJet {
  Coefficients<T> k;
  std::vector<T> x, input;               // the network's input: c x, e(sigma), context
  std::vector<std::vector<T>> tangents;  // [M]: v_m, extended by zeros for e(sigma) and the context
  typename Mlp<T>::Trace trace;          // with tangents for a score net, without them for an energy net
  std::vector<T> score;
  std::vector<std::vector<T>> jvp;
  T log_density{};  // f; energy nets
};

template <class T>
std::vector<T> extended(std::vector<T> u, const std::vector<T>& more) {
  u.insert(u.end(), more.begin(), more.end());
  return u;
}

/// @param context the columns of the input after e(sigma)
template <class T>
ScoreJet<T> score_forward(const MlpShape& net, const Mlp<T>& mlp, const std::vector<T>& x, const T& sigma,
                          const std::vector<std::vector<T>>& directions, const std::vector<T>& context = {}) {
  ScoreJet<T> jet;
  jet.k = coefficients(net.parameterization, sigma);
  const auto [a, b, c] = jet.k;
  const std::vector<T> e = extended(features(net.conditioning, sigma), context);
  jet.x = x;
  for (const T& each : x) jet.input.push_back(c * each);
  jet.input = extended(jet.input, e);
  for (const auto& v : directions) jet.tangents.push_back(extended(v, std::vector<T>(e.size(), T(0))));

  std::vector<T> output;                 // F, or grad F
  std::vector<std::vector<T>> output_m;  // their derivatives along v_m
  if (net.kind == MlpShape::Kind::score) {
    jet.trace = mlp.forward(jet.input, jet.tangents);
    output = jet.trace.output().value;
    output_m = jet.trace.output().tangents;
  } else {
    jet.trace = mlp.forward(jet.input, {});
    output = mlp.backward(jet.trace, {{T(1)}, {}, {}}, nullptr).value;
    for (const auto& v : jet.tangents)  // the gradient of v.grad F
      output_m.push_back(mlp.backward(mlp.forward(jet.input, {v}), {{T(0)}, {{T(1)}}, {}}, nullptr).value);
  }
  for (std::size_t i = 0; i < x.size(); ++i) jet.score.push_back(a * x[i] + b * output[i]);
  for (std::size_t m = 0; m < directions.size(); ++m) {
    jet.jvp.push_back(directions[m]);
    for (std::size_t i = 0; i < x.size(); ++i) jet.jvp[m][i] = a * directions[m][i] + b * c * output_m[m][i];
  }
  if (net.kind == MlpShape::Kind::energy) {
    T square(0);
    for (const T& each : x) square = square + each * each;
    jet.log_density = 0.5 * a * square + b / c * jet.trace.output().value[0];
  }
  return jet;
}

template <class T>
struct InputGradients {
  std::vector<T> x, context;
};

/// Adds to grad [P]. Returns the gradients with respect to x and the context. That with respect to J v_m is
/// `jvp_weight` v_m.
template <class T>
InputGradients<T> score_backward(const MlpShape& net, const Mlp<T>& mlp, const ScoreJet<T>& jet,
                                 const std::vector<T>& grad_score, const T& jvp_weight, T* grad) {
  const auto [a, b, c] = jet.k;
  const std::size_t count = jet.tangents.size();
  std::vector<T> grad_input;
  if (net.kind == MlpShape::Kind::score) {
    Channels<T> grads{grad_score, jet.tangents, {}};
    for (T& each : grads.value) each = b * each;
    for (auto& tangent : grads.tangents) {
      tangent.resize(jet.x.size());
      for (T& each : tangent) each = jvp_weight * b * c * each;
    }
    grad_input = mlp.backward(jet.trace, grads, grad).value;
  } else {
    std::vector<std::vector<T>> tangents = jet.tangents;
    tangents.push_back(grad_score);
    tangents.back().resize(jet.input.size(), T(0));
    Channels<T> grads{{T(0)}, std::vector<std::vector<T>>(count + 1, {T(0)}), {}};
    grads.tangents[count][0] = b;
    if (count > 0) grads.second = {jvp_weight * b * c};
    grad_input = mlp.backward(mlp.forward(jet.input, tangents, count), grads, grad).value;
  }
  InputGradients<T> result;
  for (std::size_t i = 0; i < jet.x.size(); ++i) result.x.push_back(a * grad_score[i] + c * grad_input[i]);
  const auto first = static_cast<std::ptrdiff_t>(grad_input.size()) - context_count(net.context);
  result.context.assign(grad_input.begin() + first, grad_input.begin() + first + net.context.columns);
  return result;
}

}  // namespace scorematch::reference
