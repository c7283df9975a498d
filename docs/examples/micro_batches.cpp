// Computes the batch of one step in one call, and again over two ranks with three micro-batches each. The noise is the
// same, so the losses of the samples are bit-identical, and the mean loss and the gradient agree up to the rounding of
// their sums. Ranks are threads here. On several machines, an all-reduce and a gather replace the two sums at the end.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <thread>
#include <vector>

#include "scorematch/loss.h"

namespace sm = scorematch;

namespace {

constexpr std::int64_t kRanks = 2, kMicroBatches = 3, kMicro = 100;  // not a multiple of any tile
constexpr std::int64_t kShare = kMicroBatches * kMicro, kBatch = kRanks * kShare;
constexpr int kDim = 5;

struct Result {
  sm::Estimate loss;
  std::vector<float> grad, loss_per_sample;
};

/// Shared by all ranks: several threads may use engines and plans at the same time.
struct Problem {
  sm::Engine engine;
  sm::MlpShape net;
  sm::LossPlan plan;
  sm::Buffer<float> params, data;
};

Result run_whole(const Problem& problem) {
  sm::Queue queue(problem.engine, problem.plan.workspace_bytes());
  auto grad = problem.engine.allocate<float>(problem.net.param_count());
  auto per_sample = problem.engine.allocate<float>(kBatch);
  auto loss = problem.engine.allocate<sm::Estimate>();
  sm::NoiseState noise(problem.engine, /*seed=*/2);
  problem.plan.run(queue, {problem.params, {problem.data, noise}}, {loss, grad, {}, per_sample});
  return {queue.read_one(loss), queue.read(grad), queue.read(per_sample)};
}

/// One rank's part of the batch, in micro-batches.
Result run_rank(const Problem& problem, std::int64_t rank) {
  sm::Queue queue(problem.engine, problem.plan.workspace_bytes());  // its own: queues never share scratch memory
  auto grad = problem.engine.allocate<float>(problem.net.param_count());
  auto per_sample = problem.engine.allocate<float>(kShare);
  auto loss = problem.engine.allocate<sm::Estimate>();
  sm::NoiseState noise(problem.engine, {/*seed=*/2, /*step=*/0, /*first_sample=*/rank * kShare});
  for (std::int64_t k = 0; k < kMicroBatches; ++k) {
    const std::int64_t begin = k * kMicro;
    const auto x = problem.data.samples(rank * kShare + begin, kMicro);
    sm::Reduction part;
    part.normaliser = kBatch;  // of the whole batch, over all ranks
    part.accumulate = k > 0;
    problem.plan.run(queue, {problem.params, {x, noise.from(begin)}},
                     {loss, grad, {}, per_sample.samples(begin, kMicro)}, part);
  }
  return {queue.read_one(loss), queue.read(grad), queue.read(per_sample)};
}

/// Sums gradients, merges losses, both in the order of the ranks.
Result combine(const std::vector<Result>& ranks) {
  Result all = ranks[0];
  for (std::size_t r = 1; r < ranks.size(); ++r) {
    all.loss = all.loss.merged(ranks[r].loss);
    for (std::size_t i = 0; i < all.grad.size(); ++i) all.grad[i] += ranks[r].grad[i];
    all.loss_per_sample.insert(all.loss_per_sample.end(), ranks[r].loss_per_sample.begin(),
                               ranks[r].loss_per_sample.end());
  }
  return all;
}

double norm(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - (b.empty() ? 0.0 : static_cast<double>(b[i]));
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

Problem make_problem() {
  const sm::Engine engine = sm::Engine::best();
  const sm::MlpShape net = sm::MlpShape::score(kDim, {48, 48});
  std::vector<float> data;
  for (int i = 0; i < kBatch * kDim; ++i) data.push_back(3 * std::sin(0.37f * static_cast<float>(i)));
  const sm::Loss loss{sm::SsmVr{/*projections=*/2, sm::Projection::sphere}, sm::schedule::Single{0.1}};
  return {engine, net, sm::LossPlan(engine, net, loss, kBatch), engine.upload(net.initial_params(/*seed=*/1)),
          engine.upload(data, {kBatch, kDim})};
}

}  // namespace

int main() {
  const Problem problem = make_problem();
  const Result whole = run_whole(problem);

  std::vector<Result> ranks(kRanks);
  std::vector<std::thread> threads;
  for (std::int64_t rank = 0; rank < kRanks; ++rank)
    threads.emplace_back([&, rank] { ranks[static_cast<std::size_t>(rank)] = run_rank(problem, rank); });
  for (std::thread& each : threads) each.join();
  const Result parts = combine(ranks);

  const bool same_samples = parts.loss_per_sample == whole.loss_per_sample;
  const double loss_apart = std::abs(parts.loss.mean - whole.loss.mean),
               error_apart = std::abs(parts.loss.standard_error() - whole.loss.standard_error()),
               grad_apart = norm(parts.grad, whole.grad) / norm(whole.grad, {});
  std::printf("loss %.4f +- %.4f; in parts: losses of the samples %s, mean %.0e apart, gradient %.0e apart\n",
              whole.loss.mean, whole.loss.standard_error(), same_samples ? "the same" : "DIFFERENT", loss_apart,
              grad_apart);
  // On a GPU the rounding of a product may depend on its number of rows (docs/cuda.md).
  const bool exact = problem.engine.kind() != sm::Engine::Kind::cuda;
  const double tolerance = exact ? 1e-12 : 1e-5 * whole.loss.standard_error();
  return (same_samples || !exact) && loss_apart < tolerance && error_apart < tolerance && grad_apart < 1e-5 ? 0 : 1;
}
