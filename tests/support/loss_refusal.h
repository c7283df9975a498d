// A valid call of LossPlan::run, which tests make invalid.
#pragma once
#include <optional>

#include "engine/backend.h"
#include "scorematch/loss.h"
#include "support/refusal.h"

namespace scorematch::test {

constexpr std::int64_t kBatch = 5, kDim = 3, kParams = 31, kRows = 7;

/// A batch of denoising score matching with everything drawn.
struct LossCall {
  explicit LossCall(const Engine& engine_) : engine(engine_), noise(engine_, 1) {
    in.params = {memory.fill<float>(kParams), kParams};
    in.batch.x = {memory.fill<float>(kBatch * kDim), {kBatch, kDim}};
    in.batch.noise = noise;
    out.loss = memory.take<Estimate>(1);
    out.grad = {memory.take<float>(kParams), kParams};
    out.grad_x = {memory.take<float>(kBatch * kDim), {kBatch, kDim}};
    out.loss_per_sample = {memory.take<float>(kBatch), kBatch};
  }
  void run() {
    const LossPlan plan(engine, net, loss, 8);
    Queue queue(queue_engine.value_or(engine), workspace_bytes.value_or(plan.workspace_bytes()));
    if (x_in_workspace) in.batch.x.data = queue.impl().workspace;
    plan.run(queue, in, out, reduction);
  }

  Engine engine;
  Memory memory{engine};
  NoiseState noise;
  MlpShape net = MlpShape::score(kDim, {4});
  Loss loss{Dsm{}, schedule::Geometric{}};
  LossPlan::In in;
  LossPlan::Out out;
  Reduction reduction;
  std::optional<Engine> queue_engine;
  std::optional<std::size_t> workspace_bytes;
  bool x_in_workspace = false;
};

inline void drawn(LossCall&) {}
inline void with_sigma(LossCall& c) { c.in.batch.sigma = {c.memory.fill<float>(kBatch), kBatch}; }
inline void with_eps(LossCall& c) { c.in.batch.eps = {c.memory.fill<float>(kBatch * kDim), {kBatch, kDim}}; }
inline void explicit_score(LossCall& c) {
  c.loss = {Esm{}};
  c.in.batch.true_score = {c.memory.fill<float>(kBatch * kDim), {kBatch, kDim}};
}
inline void sliced(LossCall& c) { c.loss = {Ssm{2}}; }
inline void sliced_given(LossCall& c) {
  sliced(c);
  c.in.batch.noise = {};
  c.in.batch.directions = {c.memory.fill<float>(2 * kBatch * kDim), {2, kBatch, kDim}};
}
inline void gathered(LossCall& c) {
  c.in.batch.x = {c.memory.fill<float>(kRows * kDim), {kRows, kDim}};
  c.in.batch.rows = {c.memory.copy<std::int64_t>({0, 6, 3, 3, 1}), kBatch};
}
inline void rows_drawn(LossCall& c) {
  c.in.batch.x = {c.memory.fill<float>(kRows * kDim), {kRows, kDim}};
  c.in.batch.draw_rows = kBatch;
}

inline void set_row(LossCall& c, std::int64_t at, std::int64_t value) {
  static_cast<std::int64_t*>(const_cast<void*>(c.in.batch.rows.data))[at] = value;
}

}  // namespace scorematch::test
