// Runs a problem on an engine, and with the templates of the reference on any number type.
#pragma once
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "reference/sample.h"
#include "scorematch/loss.h"
#include "support/random_problem.h"

namespace scorematch::testing_support {

/// The outputs of LossPlan, with elements of type T.
template <class T>
struct Outcome {
  std::vector<T> per_sample, grad, grad_x;
  std::vector<T> per_direction;   // [N, M]; empty unless the objective is sliced
  std::vector<T> grad_context{};  // [N, columns]; empty without a context
};

inline Shape shape_of(std::initializer_list<std::int64_t> extents) { return extents; }

struct EngineRun {
  Outcome<float> outcome;
  Estimate loss;
};

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

inline void expect_same(const EngineRun& a, const EngineRun& b) {
  EXPECT_TRUE(same_bits(a.outcome.per_sample, b.outcome.per_sample));
  EXPECT_TRUE(same_bits(a.outcome.grad, b.outcome.grad));
  EXPECT_TRUE(same_bits(a.outcome.grad_x, b.outcome.grad_x));
  EXPECT_TRUE(same_bits(a.outcome.per_direction, b.outcome.per_direction));
  EXPECT_TRUE(same_bits(a.outcome.grad_context, b.outcome.grad_context));
  EXPECT_EQ(std::memcmp(&a.loss, &b.loss, sizeof a.loss), 0);
}

/// The precision and the scratch memory for a run.
struct RunOptions {
  Compute compute;
  void* workspace = nullptr;  // null: the queue's own
  std::size_t workspace_bytes = 0;
};

/// Runs the samples [first, first + count) of a problem on an engine, with gradients divided by `normaliser`.
inline EngineRun run(const Engine& engine, const Problem& p, std::int64_t first, std::int64_t count,
                     std::int64_t normaliser, const RunOptions& options = {}) {
  const std::int64_t d = p.net.dim;
  const auto take = [&](const std::vector<float>& all, std::int64_t width) {
    return all.empty() ? all : std::vector<float>(all.begin() + first * width, all.begin() + (first + count) * width);
  };
  const auto upload = [&](const std::vector<float>& values, const Shape& shape) {
    return values.empty() ? Buffer<float>() : engine.upload(values, shape);
  };
  std::vector<float> directions;
  for (int m = 0; m < p.projections(); ++m) {
    const auto begin = p.directions.begin() + (m * p.batch + first) * d;
    directions.insert(directions.end(), begin, begin + count * d);
  }
  auto params = engine.upload(p.params);
  auto x = upload(take(p.x, d), {count, d}), sigma = upload(take(p.sigma, 1), count);
  auto eps = upload(take(p.eps, d), {count, d}), true_score = upload(take(p.true_score, d), {count, d});
  auto weight = upload(take(p.weight, 1), count), present = upload(take(p.present, 1), count);
  const std::int64_t columns = p.net.context.columns;
  auto context = upload(take(p.context, columns), {count, columns});
  auto v = upload(directions, {p.projections(), count, d});
  LossPlan::In in{params, {x}};
  if (sigma.size() > 0) in.batch.sigma = sigma;
  if (eps.size() > 0) in.batch.eps = eps;
  if (v.size() > 0) in.batch.directions = v;
  if (true_score.size() > 0) in.batch.true_score = true_score;
  if (weight.size() > 0) in.batch.weight = weight;
  if (context.size() > 0) in.batch.context = context;
  if (present.size() > 0) in.batch.present = present;

  const LossPlan plan(engine, p.net, p.loss, count, options.compute);
  Queue queue = options.workspace == nullptr ? Queue(engine, plan.workspace_bytes())
                                             : Queue(engine, options.workspace, options.workspace_bytes);
  auto loss = engine.allocate<Estimate>();
  auto grad = engine.allocate<float>(p.net.param_count());
  auto grad_x = engine.allocate<float>({count, d});
  auto per_sample = engine.allocate<float>(count);
  Reduction reduction;
  reduction.normaliser = normaliser;
  LossPlan::Out out{loss.data(), grad, grad_x, per_sample};
  Buffer<float> per_direction;
  if (p.projections() > 0) {
    per_direction = engine.allocate<float>({p.projections(), count});
    out.loss_per_direction = per_direction;
  }
  Buffer<float> grad_context;
  if (columns > 0) {
    grad_context = engine.allocate<float>({count, columns});
    out.grad_context = grad_context;
  }
  plan.run(queue, in, out, reduction);
  EngineRun result{{queue.read(per_sample), queue.read(grad), queue.read(grad_x), {}}, queue.read_one(loss)};
  if (columns > 0) result.outcome.grad_context = queue.read(grad_context);
  if (p.projections() == 0) return result;
  const std::vector<float> each = queue.read(per_direction);
  for (std::int64_t n = 0; n < count; ++n)
    for (int m = 0; m < p.projections(); ++m)
      result.outcome.per_direction.push_back(each[static_cast<std::size_t>(m * count + n)]);
  return result;
}

inline EngineRun run(const Engine& engine, const Problem& p) { return run(engine, p, 0, p.batch, p.batch); }

/// @param stored converts a number of the arrays to T
template <class T, class Stored>
Outcome<T> run_templates(const Problem& p, const Stored& stored) {
  const auto convert = [&](const std::vector<float>& all, std::int64_t begin, std::int64_t count) {
    std::vector<T> values;
    for (std::int64_t i = 0; i < count && !all.empty(); ++i)
      values.push_back(stored(static_cast<double>(all[static_cast<std::size_t>(begin + i)])));
    return values;
  };
  const std::int64_t d = p.net.dim, count = p.net.param_count();
  const std::vector<T> params = convert(p.params, 0, count);
  Outcome<T> out;
  out.grad.assign(static_cast<std::size_t>(count), T(0));
  for (std::int64_t n = 0; n < p.batch; ++n) {
    reference::Sample<T> sample;
    sample.x = convert(p.x, n * d, d);
    sample.sigma = T(p.sigma.empty() ? 1.0 : static_cast<double>(p.sigma[static_cast<std::size_t>(n)]));
    sample.eps = convert(p.eps, n * d, d);
    sample.true_score = convert(p.true_score, n * d, d);
    const bool has_context = p.has_context(n);
    sample.context = convert(p.context, n * p.net.context.columns, p.net.context.columns);
    if (!has_context) std::fill(sample.context.begin(), sample.context.end(), T(0));
    if (p.net.context.optional) sample.context.push_back(T(has_context ? 1 : 0));
    if (!p.weight.empty()) sample.weight = p.weight[static_cast<std::size_t>(n)];
    for (int m = 0; m < p.projections(); ++m)
      sample.directions.push_back(convert(p.directions, (m * p.batch + n) * d, d));
    auto result = reference::sample_loss<T>(p.net, p.loss, params.data(), sample, 1.0 / static_cast<double>(p.batch),
                                            out.grad.data());
    out.per_sample.push_back(result.loss);
    out.per_direction.insert(out.per_direction.end(), result.direction_losses.begin(), result.direction_losses.end());
    out.grad_x.insert(out.grad_x.end(), result.grad_x.begin(), result.grad_x.end());
    if (!has_context) std::fill(result.grad_context.begin(), result.grad_context.end(), T(0));
    out.grad_context.insert(out.grad_context.end(), result.grad_context.begin(), result.grad_context.end());
  }
  return out;
}

}  // namespace scorematch::testing_support
