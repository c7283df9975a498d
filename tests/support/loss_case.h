/// @file
/// A loss with all its inputs, and its evaluation on any engine.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "model/network.h"
#include "scorematch/loss.h"
#include "support/arrays.h"

namespace scorematch::testing_support {

/// Empty arrays are not passed.
struct LossCase {
  MlpShape net;
  Loss loss;
  std::int64_t batch = 0;
  std::vector<double> params;      // [P]
  std::vector<double> x;           // [N, d]
  std::vector<double> sigma;       // [N]
  std::vector<double> eps;         // [N, d]
  std::vector<double> directions;  // [M, N, d]
  std::vector<double> true_score;  // [N, d]
  std::vector<double> weight;      // [N]; empty: 1
  std::vector<double> context{};   // [N, c], or [1, c]
  std::vector<double> present{};   // [N]
};

struct Evaluation {
  Estimate loss;
  std::vector<double> per_sample, grad, grad_x, grad_context;
};

/// @param noise draws what `p` does not have @param draw_rows whether rows are drawn from p.x
inline Evaluation evaluate(const Engine& engine, const LossCase& p, NoiseRef noise = {}, bool draw_rows = false,
                           Compute compute = {}) {
  const std::int64_t n = p.batch, d = p.net.dim;
  const LossPlan plan(engine, p.net, p.loss, n, compute);
  Queue queue(engine, plan.workspace_bytes());
  const Array params(engine, p.params, p.net.param_count()),
      x(engine, p.x, {static_cast<std::int64_t>(p.x.size()) / d, d}), sigma(engine, p.sigma, n),
      eps(engine, p.eps, {n, d}), true_score(engine, p.true_score, {n, d}), weight(engine, p.weight, n),
      directions(engine, p.directions, {needs_of(p.loss.objective).projections, n, d});
  const std::int64_t columns = p.net.context.columns;
  const Array context(engine, p.context,
                      {columns == 0 ? 0 : static_cast<std::int64_t>(p.context.size()) / columns, columns}),
      present(engine, p.present, static_cast<std::int64_t>(p.present.size()));
  auto loss = engine.allocate<Estimate>();
  Array grad(engine, p.net.param_count()), grad_x(engine, {n, d}), per_sample(engine, n),
      grad_context(engine, {n, columns});
  LossPlan::In in;
  in.params = params;
  in.batch.x = x;
  in.batch.noise = noise;
  in.batch.sigma = sigma;
  in.batch.eps = eps;
  in.batch.directions = directions;
  in.batch.true_score = true_score;
  in.batch.weight = weight;
  if (!p.context.empty()) in.batch.context = context;
  if (!p.present.empty()) in.batch.present = present;
  if (draw_rows) in.batch.draw_rows = n;
  LossPlan::Out out{loss.data(), grad, grad_x, per_sample};
  if (columns > 0) out.grad_context = grad_context;
  plan.run(queue, in, out);
  return {queue.read_one(loss), per_sample.read(queue), grad.read(queue), grad_x.read(queue),
          columns > 0 ? grad_context.read(queue) : std::vector<double>()};
}

/// Each objective with its name.
inline std::vector<std::pair<std::string, Objective>> objectives(int projections = 2) {
  return {{"esm", Esm{}},
          {"ism", Ism{}},
          {"dsm", Dsm{}},
          {"dsm_control_variate", Dsm{Dsm::Variance::control_variate}},
          {"dsm_antithetic", Dsm{Dsm::Variance::antithetic}},
          {"ssm", Ssm{projections}},
          {"ssm_vr", SsmVr{projections}}};
}

/// A case with random numbers for everything that `loss` and `net` need. `perturbed` adds sigma and eps in any case.
inline LossCase random_case(const MlpShape& net, const Loss& loss, std::int64_t batch, unsigned seed,
                            bool perturbed = true) {
  const Needs needs = needs_of(loss.objective);
  LossCase p{net, loss, batch, {}, {}, {}, {}, {}, {}, {}};
  const std::int64_t size = batch * net.dim;
  p.params = uniform_values(net.param_count(), seed, -1, 1);
  p.x = uniform_values(size, seed + 1, -2, 2);
  if (perturbed) p.sigma = uniform_values(batch, seed + 2, 0.3, 1.5);
  if (perturbed) p.eps = normal_values(size, seed + 3);
  p.directions = normal_values(size * needs.projections, seed + 4);
  if (needs.true_score) p.true_score = uniform_values(size, seed + 5);
  return p;
}

}  // namespace scorematch::testing_support
