#include "cli/data/held_out.h"

#include <algorithm>
#include <utility>

namespace scorematch::cli {
namespace {

constexpr std::int64_t kBatch = 1024;  // rows at a time

Loss without_dropout(Loss loss) {
  loss.context_dropout = 0;
  return loss;
}

}  // namespace

HeldOut::HeldOut(const Engine& engine, const MlpShape& net, Loss loss, const Matrix& rows,
                 const Dequantizer* dequantizer, std::uint64_t seed, const Contexts& contexts)
    : engine_(engine),
      plan_(engine, net, without_dropout(std::move(loss)), kBatch),
      rows_(rows.rows),
      noise_(engine, {seed, kNoiseStep, 0}),
      loss_(engine.allocate<Estimate>()),
      contexts_(engine, contexts) {
  if (rows_ == 0) return;
  const Matrix taken = dequantizer != nullptr ? dequantizer->all(rows, kNoiseStep) : rows;
  x_ = engine.upload(taken.values, {rows_, rows.cols});
  each_ = engine.allocate<float>(rows_);
}

void HeldOut::evaluate(Queue& queue, ConstView params) {
  for (std::int64_t first = 0; first < rows_; first += kBatch) {
    const std::int64_t count = std::min(kBatch, rows_ - first);
    Reduction part;
    part.accumulate = first > 0;
    LossPlan::Out out{loss_.data()};
    out.loss_per_sample = each_.samples(first, count);
    LossPlan::In in{params, {x(first, count), noise(first)}};
    contexts_.give(in.batch, first, count);
    in.cancelled = cancelled_;
    plan_.run(queue, in, out, part);
  }
}

std::optional<Estimate> HeldOut::loss(Queue& queue, ConstView params) {
  if (rows_ == 0) return {};
  evaluate(queue, params);
  return queue.read_one(loss_);
}

std::vector<double> HeldOut::losses(Queue& queue, ConstView params) {
  if (rows_ == 0) return {};
  evaluate(queue, params);
  const std::vector<float> each = queue.read(each_);
  return {each.begin(), each.end()};
}

}  // namespace scorematch::cli
