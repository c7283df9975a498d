#include "plans/guidance.h"

#include <algorithm>
#include <cmath>

#include "checks/argument.h"

namespace scorematch {
namespace {

/// Rows [first, first + count) of a dense view.
View part(const View& whole, std::int64_t first, std::int64_t count) {
  View rows = whole;
  const std::int64_t bytes = whole.dtype == DType::f32 ? 4 : 8;
  if (!whole.empty()) rows.data = static_cast<char*>(whole.data) + first * whole.stride[0] * bytes;
  rows.shape.extent[0] = count;
  return rows;
}

}  // namespace

Guidance::Guidance(const Engine& engine, double weight, const Context& context, std::int64_t max_batch, int dim,
                   bool with_density)
    : engine_(engine),
      weight_(weight),
      with_density_(with_density),
      max_batch_(max_batch),
      pairs_(engine, 2 * max_batch, dim) {
  if (!std::isfinite(weight)) throw_invalid("guidance", "a finite value", describe(weight));
  if (weight != 1 && !context.optional)
    throw_invalid(
        "guidance",
        context.columns == 0 ? "1, as the network has no context" : "1, as the network's context is not optional",
        describe(weight));
  if (!is_mixed()) return;
  std::vector<float> present(static_cast<std::size_t>(2 * max_batch), 0.0f);
  std::fill_n(present.begin(), max_batch, 1.0f);
  present_ = engine.upload(present);
}

std::size_t Guidance::bytes() const {
  if (!is_mixed()) return 0;
  return 2 * pairs_.array_bytes() + (with_density_ ? pairs_.value_bytes() : 0);
}

void Guidance::run(Queue& queue, char* scratch, const Call& call, const Evaluate& evaluate) const {
  Batch at{call.x};
  if (weight_ != 0) at.context = call.given.context, at.labels = call.given.labels;
  if (!is_mixed()) return evaluate(at, call.score, call.log_density);
  const std::int64_t batch = call.x.shape.extent[0];
  const View x = pairs_.take_array(scratch, 2 * batch), score = pairs_.take_array(scratch, 2 * batch);
  const View log_density = call.log_density.empty() ? View() : pairs_.take_values(scratch, 2 * batch);
  const auto update = [&](SamplerUpdate change) { engine_.impl()->sampler_update(queue.impl(), change); };
  for (const std::int64_t first : {std::int64_t{0}, batch}) {
    SamplerUpdate copy;
    copy.out = part(x, first, batch), copy.x = call.x;
    update(copy);
  }
  at.x = x;
  at.present = ConstView(present_.data() + (max_batch_ - batch), 2 * batch);
  evaluate(at, score, log_density);
  const auto mix = [&](const View& out, const View& both) {
    SamplerUpdate sum;
    sum.out = out;
    sum.score = part(both, 0, batch), sum.score_factor = weight_;
    sum.second_score = part(both, batch, batch), sum.second_factor = 1 - weight_;
    update(sum);
  };
  mix(call.score, score);
  if (!call.log_density.empty()) mix(column(call.log_density), column(log_density));
}

}  // namespace scorematch
