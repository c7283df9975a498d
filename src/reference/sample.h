// One sample's loss and gradients: prologue, jet, head, and back. The whole of the library in one function.
#pragma once
#include <utility>
#include <vector>

#include "network.h"
#include "reference/coefficients.h"
#include "reference/heads/dsm.h"
#include "reference/heads/esm.h"
#include "reference/heads/ism.h"
#include "reference/heads/ssm.h"
#include "reference/heads/ssm_vr.h"
#include "reference/mlp.h"

namespace scorematch::reference {

/// Everything a sample's loss is a function of; nothing is drawn below this line.
template <class T>
struct Sample {
  std::vector<T> x;
  T sigma = T(1);
  std::vector<T> eps;                      // empty: evaluated at x
  std::vector<std::vector<T>> directions;  // [M][dim]
  std::vector<T> true_score;
};

template <class T>
struct SampleLoss {
  T loss{};              // weighting included
  std::vector<T> score;  // s at the first point, unweighted
  std::vector<std::vector<T>> jvp;
  std::vector<T> grad_x;  // of the loss
};

/// s(x) of one point with the tangents J v, and how to go back.
template <class T>
struct ScoreJet {
  Coefficients<T> k;
  typename Mlp<T>::Trace trace;
  std::vector<T> score;
  std::vector<std::vector<T>> jvp;
};

template <class T>
std::vector<T> extended(std::vector<T> u, const std::vector<T>& more) {
  u.insert(u.end(), more.begin(), more.end());
  return u;
}

template <class T>
ScoreJet<T> score_forward(const MlpShape& net, const Mlp<T>& mlp, const std::vector<T>& x, const T& sigma,
                          const std::vector<std::vector<T>>& directions) {
  ScoreJet<T> jet;
  jet.k = coefficients(net.parameterization, sigma);
  const std::vector<T> e = features(net.conditioning, sigma), no_change(e.size(), T(0));
  std::vector<T> input = x;
  for (T& each : input) each = jet.k.c * each;
  std::vector<std::vector<T>> tangents;
  for (const auto& v : directions) tangents.push_back(extended(v, no_change));
  jet.trace = mlp.forward(extended(input, e), tangents);
  for (std::size_t i = 0; i < x.size(); ++i) jet.score.push_back(jet.k.a * x[i] + jet.k.b * jet.trace.output[i]);
  for (std::size_t m = 0; m < directions.size(); ++m) {  // J v = a v + b c (dF/dz) v
    jet.jvp.push_back(directions[m]);
    for (std::size_t i = 0; i < x.size(); ++i)
      jet.jvp[m][i] = jet.k.a * directions[m][i] + jet.k.b * jet.k.c * jet.trace.output_m[m][i];
  }
  return jet;
}

/// Adds to grad [P]; returns the adjoint of x.
template <class T>
std::vector<T> score_backward(const Mlp<T>& mlp, const ScoreJet<T>& jet, const std::vector<T>& score_bar,
                              const std::vector<std::vector<T>>& jvp_bar, T* grad) {
  std::vector<T> output_bar = score_bar;
  for (T& each : output_bar) each = jet.k.b * each;
  std::vector<std::vector<T>> output_m_bar = jvp_bar;
  for (auto& tangent : output_m_bar)
    for (T& each : tangent) each = jet.k.b * jet.k.c * each;
  const std::vector<T> input_bar = mlp.backward(jet.trace, output_bar, output_m_bar, grad);
  std::vector<T> x_bar;
  for (std::size_t i = 0; i < score_bar.size(); ++i) x_bar.push_back(jet.k.a * score_bar[i] + jet.k.c * input_bar[i]);
  return x_bar;
}

/// The unit vectors e_1 ... e_dim, along which the exact trace is summed.
template <class T>
std::vector<std::vector<T>> basis(int dim) {
  std::vector<std::vector<T>> e;
  for (int i = 0; i < dim; ++i) {
    e.emplace_back(static_cast<std::size_t>(dim), T(0));
    e.back()[static_cast<std::size_t>(i)] = T(1);
  }
  return e;
}

/// Adds `grad_factor` times the loss's gradient to grad [P]; the returned grad_x is multiplied by it too.
template <class T>
SampleLoss<T> sample_loss(const MlpShape& net, const Loss& loss, const T* params, const Sample<T>& sample,
                          double grad_factor, T* grad) {
  const Mlp<T> mlp(net, params);
  const bool trace_wanted = needs_of(loss.objective).trace;
  HeadInput<T> in;
  in.directions = trace_wanted ? basis<T>(net.dim) : sample.directions;
  in.eps = sample.eps;
  in.true_score = sample.true_score;
  in.sigma = sample.sigma;

  std::vector<ScoreJet<T>> jets;
  for (const double p : std::visit([](const auto& objective) { return points(objective); }, loss.objective)) {
    std::vector<T> x_tilde = sample.x;
    for (std::size_t i = 0; i < sample.eps.size(); ++i) x_tilde[i] = x_tilde[i] + p * sample.sigma * sample.eps[i];
    jets.push_back(score_forward(net, mlp, x_tilde, sample.sigma, in.directions));
    in.score.push_back(jets.back().score);
  }
  in.jvp = jets[0].jvp;
  for (std::size_t m = 0; trace_wanted && m < in.jvp.size(); ++m) in.trace = in.trace + in.jvp[m][m];

  HeadOutput<T> out = std::visit([&](const auto& objective) { return head(objective, in); }, loss.objective);
  if (trace_wanted) {
    out.jvp_bar = in.directions;
    for (auto& e : out.jvp_bar)
      for (T& each : e) each = out.trace_bar * each;
  }

  const T lambda = weight(loss.weighting, sample.sigma), factor = grad_factor * lambda;
  SampleLoss<T> result;
  result.loss = lambda * out.loss;
  result.score = jets[0].score;
  result.jvp = in.jvp;
  result.grad_x.assign(sample.x.size(), T(0));
  for (auto& bar : out.jvp_bar)
    for (T& each : bar) each = factor * each;
  for (std::size_t p = 0; p < jets.size(); ++p) {
    for (T& each : out.score_bar[p]) each = factor * each;
    const std::vector<T> x_bar =
        score_backward(mlp, jets[p], out.score_bar[p], p == 0 ? out.jvp_bar : std::vector<std::vector<T>>{}, grad);
    for (std::size_t i = 0; i < x_bar.size(); ++i) result.grad_x[i] = result.grad_x[i] + x_bar[i];
  }
  return result;
}

}  // namespace scorematch::reference
