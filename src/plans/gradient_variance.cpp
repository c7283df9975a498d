#include "scorematch/gradient_variance.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checks/argument.h"
#include "model/network.h"
#include "model/probe_products.h"
#include "scorematch/error.h"
#include "scorematch/loss.h"
#include "scorematch/perturbation.h"

namespace scorematch {
namespace {

constexpr int kMinProbes = 3, kMaxProbes = 1 << 16;

double product(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

/// The product of g_k with the sum of the others, for each k.
void add_others(const std::vector<std::vector<float>>& gradients, ProbeProducts& to) {
  std::vector<double> sum(gradients[0].size());
  for (const auto& each : gradients)
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += double{each[i]};
  for (const auto& each : gradients) {
    double with_others = 0;
    for (std::size_t i = 0; i < sum.size(); ++i) with_others += double{each[i]} * (sum[i] - double{each[i]});
    to.others.push_back(with_others);
  }
}

}  // namespace

struct GradientVariance::Impl {
  Engine engine;
  MlpShape net;
  std::int64_t batch;
  int probes;
  Needs needs;
  bool draws_noise;
  LossPlan loss;
  std::optional<DirectionPlan> directions;  // if the loss draws any
};

GradientVariance::GradientVariance(const Engine& engine, const MlpShape& net, const Loss& loss, std::int64_t batch,
                                   int probes, Compute compute) {
  if (batch < 1) throw_invalid("batch", "at least 1", std::to_string(batch));
  LossPlan plan(engine, net, loss, batch, compute);  // validates
  if (probes < kMinProbes || probes > kMaxProbes)
    throw_invalid("probes", "between 3 and 65536", std::to_string(probes));
  const Needs needs = needs_of(loss.objective);
  if (needs.true_score)
    throw Error(ErrorCode::unsupported, "loss.objective",
                "loss.objective: expected one that needs no true score, as rows are drawn, got Esm");
  const bool perturbed = perturbs(loss, {});
  const bool uses_noise =
      perturbed || uses_sigma(net.parameterization, net.conditioning) || loss.weighting.kind != Weighting::Kind::none;
  if (uses_noise && loss.schedule.kind == NoiseSchedule::Kind::none)
    throw_invalid("loss.schedule", "a distribution of sigma, which this loss uses", "none");
  std::optional<DirectionPlan> directions;
  if (needs.projections > 0) directions.emplace(engine, net.dim, needs.projections, needs.distribution, batch);
  const bool draws_noise = perturbed || loss.context_dropout > 0;
  impl_ = std::make_shared<Impl>(
      Impl{engine, net, batch, probes, needs, draws_noise, std::move(plan), std::move(directions)});
}

GradientMoments GradientVariance::measure(Queue& queue, ConstView params, ConstView x, std::uint64_t seed,
                                          const Contexts& contexts) const {
  const Impl& impl = *impl_;
  auto grad = impl.engine.allocate<float>(impl.net.param_count());
  auto rows = impl.engine.allocate<std::int64_t>(impl.batch);
  Buffer<float> v;
  if (impl.directions) v = impl.engine.allocate<float>({impl.needs.projections, impl.batch, impl.net.dim});
  // Three states: what the probe draws, and what is drawn afresh with its rows or with its noise.
  NoiseState first(impl.engine, seed), second(impl.engine, seed), third(impl.engine, seed);

  ProbeProducts products;
  products.batch = impl.batch;
  std::vector<std::vector<float>> gradients;
  for (std::int64_t k = 0; k < impl.probes; ++k) {
    first.set(queue, {seed, 3 * k, 0});
    second.set(queue, {seed, 3 * k + 1, 0});
    third.set(queue, {seed, 3 * k + 2, 0});

    Batch batch{x, first};
    batch.context = contexts.context, batch.present = contexts.present, batch.labels = contexts.labels;
    batch.draw_rows = impl.batch;
    LossOut out;
    out.grad = grad, out.rows = rows;
    impl.loss.run(queue, {params, batch}, out);
    gradients.push_back(queue.read(grad));
    const std::vector<float>& gradient = gradients.back();
    products.squared.push_back(product(gradient, gradient));

    batch.draw_rows = 0, batch.rows = rows;
    out.rows = {};
    const auto product_with = [&](const Batch& shared) {
      impl.loss.run(queue, {params, shared}, out);
      return product(gradient, queue.read(grad));
    };
    if (impl.directions) {
      impl.directions->run(queue, second, v);
      Batch shared = batch;
      shared.directions = v;
      products.same_noise.push_back(product_with(shared));
    } else {
      products.same_noise.push_back(products.squared.back());
    }
    if (impl.draws_noise) {
      Batch shared = batch;
      shared.noise = third;
      products.same_rows.push_back(product_with(shared));
    } else {
      products.same_rows.push_back(products.same_noise.back());
    }
  }
  add_others(gradients, products);
  return moments_of(products);
}

std::size_t GradientVariance::workspace_bytes() const { return impl_->loss.workspace_bytes(); }

}  // namespace scorematch
