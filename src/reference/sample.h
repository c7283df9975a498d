// One sample's loss and gradients: perturbation, jet, head and backward pass. The whole library in one function.
#pragma once
#include <utility>
#include <vector>

#include "model/network.h"
#include "reference/heads/dsm.h"
#include "reference/heads/esm.h"
#include "reference/heads/ism.h"
#include "reference/heads/ssm.h"
#include "reference/heads/ssm_vr.h"
#include "reference/model.h"

namespace scorematch::reference {

/// All that a sample's loss depends on. Nothing is drawn below this line.
template <class T>
struct Sample {
  std::vector<T> x;
  T sigma = T(1);
  std::vector<T> eps;                      // empty: evaluated at x
  std::vector<std::vector<T>> directions;  // [M][dim]
  std::vector<T> true_score;
  double weight = 1;       // of its loss
  std::vector<T> context;  // the columns of the network's input; without a context, zeros
};

template <class T>
struct SampleLoss {
  T loss{};              // weighting and weight included
  std::vector<T> score;  // s at the first point, unweighted
  std::vector<std::vector<T>> jvp;
  std::vector<T> grad_x, grad_context;  // of the loss
  std::vector<T> direction_losses;      // [M], as HeadOutput's, weighting and weight included
};

/// x_tilde = x + point sigma eps; x itself if there is no eps.
template <class T>
std::vector<T> perturbed(const std::vector<T>& x, double point, const T& sigma, const std::vector<T>& eps) {
  std::vector<T> x_tilde = x;
  if (eps.empty()) return x_tilde;
  for (std::size_t i = 0; i < x.size(); ++i) x_tilde[i] = x_tilde[i] + point * sigma * eps[i];
  return x_tilde;
}

/// The unit vectors e_1 ... e_dim, over which the exact trace sums.
template <class T>
std::vector<std::vector<T>> basis(int dim) {
  std::vector<std::vector<T>> e;
  for (int i = 0; i < dim; ++i) {
    e.emplace_back(static_cast<std::size_t>(dim), T(0));
    e.back()[static_cast<std::size_t>(i)] = T(1);
  }
  return e;
}

/// Adds `grad_factor` times the loss's gradient to grad [P]. The returned gradients have the same factor.
template <class T>
SampleLoss<T> sample_loss(const MlpShape& net, const Loss& loss, const T* params, const Sample<T>& sample,
                          double grad_factor, T* grad, const std::atomic<bool>* cancelled = nullptr) {
  const Mlp<T> mlp(net, params, cancelled);
  const bool trace_wanted = needs_of(loss.objective).trace;
  HeadInput<T> in;
  in.directions = trace_wanted ? basis<T>(net.dim) : sample.directions;
  in.eps = sample.eps;
  in.true_score = sample.true_score;
  in.sigma = sample.sigma;

  std::vector<ScoreJet<T>> jets;
  for (const double p : std::visit([](const auto& objective) { return points(objective); }, loss.objective)) {
    const std::vector<T> x_tilde = perturbed(sample.x, p, sample.sigma, sample.eps);
    jets.push_back(score_forward(net, mlp, x_tilde, sample.sigma, in.directions, sample.context));
    in.score.push_back(jets.back().score);
  }
  in.jvp = jets[0].jvp;
  for (std::size_t m = 0; trace_wanted && m < in.jvp.size(); ++m) in.trace = in.trace + in.jvp[m][m];

  HeadOutput<T> out = std::visit([&](const auto& objective) { return head(objective, in); }, loss.objective);
  const T lambda = sample.weight * weight(loss.weighting, sample.sigma), factor = grad_factor * lambda;
  SampleLoss<T> result;
  result.loss = lambda * out.loss;
  for (const T& each : out.direction_losses) result.direction_losses.push_back(lambda * each);
  result.score = jets[0].score;
  result.jvp = in.jvp;
  result.grad_x.assign(sample.x.size(), T(0));
  result.grad_context.assign(static_cast<std::size_t>(net.context.columns), T(0));
  for (std::size_t p = 0; p < jets.size(); ++p) {
    for (T& each : out.grad_score[p]) each = factor * each;
    const T weight = factor * (trace_wanted ? out.grad_trace : out.jvp_weight);
    const InputGradients<T> grads = score_backward(net, mlp, jets[p], out.grad_score[p], weight, grad);
    for (std::size_t i = 0; i < grads.x.size(); ++i) result.grad_x[i] = result.grad_x[i] + grads.x[i];
    for (std::size_t i = 0; i < grads.context.size(); ++i)
      result.grad_context[i] = result.grad_context[i] + grads.context[i];
  }
  return result;
}

}  // namespace scorematch::reference
