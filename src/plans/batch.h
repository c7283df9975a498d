// The samples of one call: which rows of x, how many, and what is drawn for them. Shared by the plans that take a
// batch.
#pragma once
#include <string>

#include "engine/backend.h"
#include "model/network.h"

namespace scorematch {

inline void check_noise(CallChecker& call, const NoiseRef& noise, const std::string& what) {
  if (noise.state == nullptr) throw_invalid("noise", "a NoiseState to draw " + what + " from", "nothing");
  if (const auto past = reinterpret_cast<std::uintptr_t>(noise.state) % alignof(NoiseState::Position); past != 0)
    throw_invalid("noise.state", "an address that NoiseState gave", std::to_string(past) + " past one");
  if (noise.sample_offset < 0) throw_invalid("noise.sample_offset", "at least 0", std::to_string(noise.sample_offset));
  call.state("noise.state", noise.state);
}

/// N, from whichever of x, rows and draw_rows says it. @throws Error unless they agree and 1 <= N <= max_batch.
template <class In>
std::int64_t check_batch(CallChecker& call, const In& in, const char* x_name, const ConstView& x, int dim,
                         std::int64_t max_batch) {
  call.required(x_name, x, {kAny, dim});
  call.optional_indices("rows", in.rows);
  std::int64_t batch = x.shape.extent[0];
  if (in.draw_rows != 0) {
    if (!in.rows.empty()) CallChecker::absent("rows", in.rows, "draw_rows is given");
    check_noise(call, in.noise, "rows");
    batch = in.draw_rows;
  } else if (!in.rows.empty()) {
    batch = in.rows.shape.extent[0];
  }
  const char* name = in.draw_rows != 0 ? "draw_rows" : in.rows.empty() ? x_name : "rows";
  if (batch < 1 || batch > max_batch)
    throw_invalid(name, "a batch of 1 to " + std::to_string(max_batch), std::to_string(batch));
  if (x.shape.extent[0] < 1) throw_invalid(x_name, "at least one row", describe(x));
  return batch;
}

/// Whether the objective is evaluated at x + sigma eps rather than at x.
inline bool perturbs(const Loss& loss, const ConstView& eps) {
  return needs_of(loss.objective).eps || loss.schedule.kind != NoiseSchedule::Kind::none || !eps.empty();
}

/// sigma and eps of a loss: what is needed is given or can be drawn, and nothing is given that is not used.
template <class In>
void check_noise_inputs(CallChecker& call, const In& in, const Loss& loss, bool net_uses_sigma, std::int64_t batch,
                        int dim) {
  call.optional_per_sample("sigma", in.sigma, batch);
  call.optional("eps", in.eps, {batch, dim});
  const bool perturbed = perturbs(loss, in.eps);
  const bool sigma_used = perturbed || net_uses_sigma || loss.weighting.kind != Weighting::Kind::none;
  if (!sigma_used) CallChecker::absent("sigma", in.sigma, "neither the objective nor the network uses it");
  if (sigma_used && in.sigma.empty()) {
    if (loss.schedule.kind == NoiseSchedule::Kind::none)
      throw_invalid("sigma", "[" + std::to_string(batch) + "] or [1], as the loss has no schedule", "nothing");
    if (is_drawn(loss.schedule)) check_noise(call, in.noise, "sigma");
  }
  if (perturbed && in.eps.empty()) check_noise(call, in.noise, "eps");
}

template <class In>
void check_direction_inputs(CallChecker& call, const In& in, const Needs& needs, std::int64_t batch, int dim) {
  if (needs.projections == 0) {
    CallChecker::absent("directions", in.directions, "only sliced objectives use them");
  } else {
    call.optional("directions", in.directions, {needs.projections, batch, dim});
    if (in.directions.empty()) check_noise(call, in.noise, "directions");
  }
}

template <class In>
void check_true_score(CallChecker& call, const In& in, const Needs& needs, std::int64_t batch, int dim) {
  if (needs.true_score)
    call.required("true_score", in.true_score, {batch, dim});
  else
    CallChecker::absent("true_score", in.true_score, "only Esm uses it");
}

inline void check(const Reduction& reduction, bool gradient_wanted) {
  if (reduction.normaliser < 0) throw_invalid("normaliser", "at least 0", std::to_string(reduction.normaliser));
  if (!(reduction.loss_scale > 0) || !(reduction.loss_scale <= 1e30))
    throw_invalid("loss_scale", "a finite value > 0", describe(reduction.loss_scale));
  if (reduction.accumulate && reduction.normaliser == 0 && gradient_wanted)
    throw_invalid("normaliser", "the sample count of the whole batch, as `accumulate` is set", "0");
}

/// What every sample's gradient is multiplied by.
inline double grad_factor_of(const Reduction& reduction, std::int64_t batch) {
  return reduction.loss_scale / static_cast<double>(reduction.normaliser == 0 ? batch : reduction.normaliser);
}

}  // namespace scorematch
