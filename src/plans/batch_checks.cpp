#include "plans/batch_checks.h"

#include "checks/argument.h"
#include "plans/call_checker.h"

namespace scorematch {
namespace {

void check_range(const char* name, std::int64_t count, std::int64_t max_batch) {
  if (count < 1 || count > max_batch)
    throw_invalid(name, "a batch of 1 to " + std::to_string(max_batch), std::to_string(count));
}

}  // namespace

void check_noise(CallChecker& call, const NoiseRef& noise, const std::string& what) {
  if (noise.state == nullptr) throw_invalid("noise", "a NoiseState to draw " + what + " from", "nothing");
  if (const auto past = reinterpret_cast<std::uintptr_t>(noise.state) % alignof(NoiseState::Position); past != 0)
    throw_invalid("noise.state", "the address of a NoiseState", std::to_string(past) + " bytes past a multiple of 8");
  if (noise.sample_offset < 0) throw_invalid("noise.sample_offset", "at least 0", std::to_string(noise.sample_offset));
  call.state("noise.state", noise.state);
}

std::int64_t check_samples(CallChecker& call, const Batch& batch, int dim, std::int64_t max_batch) {
  call.required("x", batch.x, {kAny, dim});
  call.optional_indices("rows", batch.rows);
  std::int64_t count = batch.x.shape.extent[0];
  const char* name = "x";
  if (batch.draw_rows != 0) {
    CallChecker::absent("rows", batch.rows, "draw_rows is given");
    check_noise(call, batch.noise, "rows");
    count = batch.draw_rows, name = "draw_rows";
  } else if (!batch.rows.empty()) {
    count = batch.rows.shape.extent[0], name = "rows";
  }
  check_range(name, count, max_batch);
  if (batch.x.shape.extent[0] < 1) throw_invalid("x", "at least one row", describe(batch.x));
  return count;
}

std::int64_t check_count(CallChecker& call, const char* name, const ConstView& view, int dim, std::int64_t max_batch) {
  call.required(name, view, {kAny, dim});
  check_range(name, view.shape.extent[0], max_batch);
  return view.shape.extent[0];
}

void check_no_rows(const Batch& batch, const std::string& why) {
  CallChecker::absent("rows", batch.rows, why);
  if (batch.draw_rows != 0) throw_invalid("draw_rows", "0, as " + why, std::to_string(batch.draw_rows));
}

void check_sigma_and_eps(CallChecker& call, const Batch& batch, const Loss& loss, bool net_uses_sigma,
                         std::int64_t count, int dim) {
  call.optional_per_sample("sigma", batch.sigma, count);
  call.optional("eps", batch.eps, {count, dim});
  const bool perturbed = perturbs(loss, batch.eps);
  const bool sigma_used = perturbed || net_uses_sigma || loss.weighting.kind != Weighting::Kind::none;
  if (!sigma_used) CallChecker::absent("sigma", batch.sigma, "neither the objective nor the network uses it");
  if (sigma_used && batch.sigma.empty()) {
    if (loss.schedule.kind == NoiseSchedule::Kind::none)
      throw_invalid("sigma", "[" + std::to_string(count) + "] or [1], as the loss has no schedule", "nothing");
    if (is_drawn(loss.schedule)) check_noise(call, batch.noise, "sigma");
  }
  if (perturbed && batch.eps.empty()) check_noise(call, batch.noise, "eps");
}

void check_directions(CallChecker& call, const Batch& batch, const Needs& needs, std::int64_t count, int dim) {
  if (needs.projections == 0) {
    CallChecker::absent("directions", batch.directions, "only sliced objectives use them");
  } else {
    call.optional("directions", batch.directions, {needs.projections, count, dim});
    if (batch.directions.empty()) check_noise(call, batch.noise, "directions");
  }
}

void check_direction_losses(CallChecker& call, const View& losses, const Needs& needs, std::int64_t count) {
  if (needs.projections == 0) CallChecker::absent("loss_per_direction", losses, "only sliced objectives have it");
  call.output("loss_per_direction", losses, {needs.projections, count});
}

void check_true_score(CallChecker& call, const Batch& batch, const Needs& needs, std::int64_t count, int dim) {
  if (needs.true_score)
    call.required("true_score", batch.true_score, {count, dim});
  else
    CallChecker::absent("true_score", batch.true_score, "only Esm uses it");
}

void check_context(CallChecker& call, const Batch& batch, const Context& context, std::int64_t rows, double dropout) {
  if (context.columns == 0) return check_no_context(batch, "the network has none");
  if (!context.optional) CallChecker::absent("present", batch.present, "the network's context is not optional");
  if (batch.context.empty() && batch.labels.empty()) {
    const std::string columns = ", " + std::to_string(context.columns) + "]";
    if (!context.optional)
      throw_invalid("context",
                    "[" + std::to_string(rows) + columns + " or [1" + columns +
                        ", or labels, as the network's context is not optional",
                    "nothing");
    return CallChecker::absent("present", batch.present, "no context is given");
  }
  if (!batch.labels.empty()) {
    CallChecker::absent("context", batch.context, "labels are given");
    call.optional_indices("labels", batch.labels);
    if (const std::int64_t count = batch.labels.shape.extent[0]; count != 1 && count != rows)
      throw_invalid("labels", "[" + std::to_string(rows) + "] or [1] int64", describe(batch.labels));
  } else {
    const bool shared = batch.context.shape.rank == 2 && batch.context.shape.extent[0] == 1;
    call.required("context", batch.context, {shared ? 1 : rows, context.columns});
  }
  call.optional("present", batch.present, {rows});
  if (dropout > 0) check_noise(call, batch.noise, "dropped contexts");
}

void check_no_context(const Batch& batch, const std::string& why) {
  CallChecker::absent("context", batch.context, why);
  CallChecker::absent("present", batch.present, why);
  CallChecker::absent("labels", batch.labels, why);
}

void check(const Reduction& reduction, bool gradient_wanted) {
  if (reduction.normaliser < 0) throw_invalid("normaliser", "at least 0", std::to_string(reduction.normaliser));
  if (!(reduction.loss_scale > 0) || !(reduction.loss_scale <= 1e30))
    throw_invalid("loss_scale", "a finite value > 0", describe(reduction.loss_scale));
  if (reduction.accumulate && reduction.normaliser == 0 && gradient_wanted)
    throw_invalid("normaliser", "the sample count of the whole batch, as `accumulate` is set", "0");
}

}  // namespace scorematch
