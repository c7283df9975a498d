#include "plans/own_network_score.h"

#include <algorithm>
#include <limits>
#include <string>

#include "checks/argument.h"
#include "checks/descriptions.h"
#include "checks/layout.h"
#include "model/network.h"

namespace scorematch {
namespace {

constexpr int kGroup = 8;  // most directions of one evaluation; as many as the library's own networks take

int input_columns(const OwnNetwork& net) {
  return net.dim + feature_count(net.conditioning) + context_count(net.context);
}

const OwnNetwork& checked(const OwnNetwork& net, const Engine& engine, std::int64_t max_batch) {
  check_dim(net.dim);
  if (!net.evaluate) throw_invalid("net.evaluate", "a function", "nothing");
  check(net.parameterization);
  check(net.conditioning);
  check(net.context);
  const bool has_double = engine.impl()->floats == Floats::f32_or_f64;
  if (net.dtype != DType::f32 && !(net.dtype == DType::f64 && has_double))
    throw_invalid("net.dtype", has_double ? "f32 or f64" : "f32, as only the reference engine has f64",
                  net.dtype == DType::f64 ? "f64" : std::to_string(static_cast<int>(net.dtype)));
  check_max_batch(max_batch);
  const std::int64_t columns = (2 * kGroup + 1) * std::int64_t{net.dim} + input_columns(net) + 2,
                     most = std::numeric_limits<std::int64_t>::max() / 2 / 8 / columns;
  if (max_batch > most)
    throw_invalid("max_batch",
                  "at most " + std::to_string(most) + ", as a sample needs " + std::to_string(columns) + " numbers",
                  std::to_string(max_batch));
  return net;
}

View copy_of(Engine::Impl& engine, Queue& queue, const View& from, const View& to) {
  SamplerUpdate same;
  same.out = column(to), same.x = column(from);
  engine.sampler_update(queue.impl(), same);
  return to;
}

/// Planes first ... first + count - 1 of a stack [M, N, d].
View planes(View stack, int first, int count) {
  stack.data = static_cast<char*>(stack.data) + first * stack.stride[0] * element_bytes(stack.dtype);
  stack.shape.extent[0] = count;
  return stack;
}

}  // namespace

OwnNetworkScore::OwnNetworkScore(const Engine& engine, const OwnNetwork& net, std::int64_t max_batch)
    : engine_(engine),
      net_(checked(net, engine, max_batch)),
      input_(engine.impl()->make_perturb(
          {net.dim, schedule::None{}, max_batch, net.parameterization, net.conditioning, false, net.context})),
      inputs_(net.dtype, max_batch, input_columns(net)),
      outputs_(net.dtype, max_batch, net.dim),
      values_(engine, max_batch, 1) {}

OwnNetworkScore::OwnNetworkScore(const Engine& engine, const OwnNetwork& net, std::int64_t max_batch,
                                 const Likelihood& likelihood)
    : OwnNetworkScore(engine, net, max_batch) {
  if (likelihood.trace_estimator == TraceEstimator::hutch_plus_plus) {
    hutch_ = std::make_unique<HutchPlusPlus>(engine, net.dim, likelihood, net.dtype, max_batch);
    return;
  }
  const bool exact = likelihood.projections == 0;
  const int count = exact ? net.dim : likelihood.projections;
  if (!exact) weight_ = 1.0 / count;
  for (int first = 0; first < count; first += kGroup) {
    const int here = std::min(kGroup, count - first);
    groups_.push_back(
        {first, here,
         engine.impl()->make_direction({net.dim, here, likelihood.distribution, max_batch, first, exact})});
  }
}

std::size_t OwnNetworkScore::bytes() const {
  const std::size_t converted = values_.dtype() == net_.dtype ? 0 : outputs_.value_bytes(),
                    tangents = hutch_            ? hutch_->bytes()
                               : groups_.empty() ? 0
                                                 : 2 * outputs_.stack_bytes(groups_.front().count);
  return inputs_.array_bytes() + values_.value_bytes() + converted + outputs_.array_bytes() + tangents;
}

void OwnNetworkScore::run(Queue& queue, char* scratch, Queue& inner, const Call& call) const {
  const std::int64_t batch = call.x.shape.extent[0];
  const View net_input = inputs_.take_array(scratch, batch), output = outputs_.take_array(scratch, batch),
             sigma = values_.take_values(scratch, batch);
  Batch at{call.x};
  at.sigma = call.sigma;
  at.context = call.given.context, at.present = call.given.present, at.labels = call.given.labels;
  input_->run(queue.impl(), at, {net_input, sigma}, batch);
  NetworkCall evaluation;
  evaluation.net_input = net_input, evaluation.output = output;
  evaluation.sigma = values_.dtype() == net_.dtype
                         ? sigma
                         : copy_of(*engine_.impl(), queue, sigma, outputs_.take_values(scratch, batch));
  OutputScore result;
  result.parameterization = net_.parameterization;
  result.x = call.x, result.sigma = sigma, result.output = output;
  result.score = call.score;
  if (call.divergence.empty()) {
    net_.evaluate(inner, evaluation);
    return engine_.impl()->output_score(queue.impl(), result);
  }
  result.divergence = call.divergence, result.weight = weight_;
  if (hutch_)
    add_divergence_by_hutch(queue, scratch, inner, call.noise, evaluation, result);
  else
    add_divergence(queue, scratch, inner, call.noise, evaluation, result);
}

void OwnNetworkScore::add_divergence(Queue& queue, char* scratch, Queue& inner, const NoiseRef& noise,
                                     NetworkCall& evaluation, OutputScore& result) const {
  const std::int64_t batch = result.x.shape.extent[0];
  for (const Group& group : groups_) {
    char* rest = scratch;
    const View directions = outputs_.take_stack(rest, group.count, batch);
    group.directions->run(queue.impl(), noise, directions, batch);
    evaluation.directions = result.directions = directions;
    evaluation.jvp = outputs_.take_stack(rest, group.count, batch);
    result.jvp = evaluation.jvp;
    net_.evaluate(inner, evaluation);
    engine_.impl()->output_score(queue.impl(), result);
    result.add_divergence = true;
    result.score = {};  // is written
  }
}

/// The basis is that of the range of dF/dz, which is unbiased, too. It replaces the sketches' products, so the products
/// with it go where the sketches were.
void OwnNetworkScore::add_divergence_by_hutch(Queue& queue, char* scratch, Queue& inner, const NoiseRef& noise,
                                              NetworkCall& evaluation, OutputScore& result) const {
  const HutchPlusPlus::Stacks stacks = hutch_->take(scratch, result.x.shape.extent[0]);
  const auto evaluate = [&](const View& directions, const View& jvp, const auto& then) {
    for (int first = 0; first < hutch_->count(); first += kGroup) {
      const int count = std::min(kGroup, hutch_->count() - first);
      evaluation.directions = result.directions = planes(directions, first, count);
      evaluation.jvp = planes(jvp, first, count);
      result.jvp = evaluation.jvp;
      net_.evaluate(inner, evaluation);
      then();
    }
  };
  const auto add = [&] {
    engine_.impl()->output_score(queue.impl(), result);
    result.add_divergence = true;
    result.score = {};  // is written
  };
  hutch_->draw_sketches(queue, noise, stacks);
  evaluate(stacks.directions, stacks.products, [] {});
  hutch_->find_basis(stacks);
  result.weight = 1;
  evaluate(stacks.products, stacks.directions, add);
  hutch_->draw_rest(queue, noise, stacks);
  result.weight = 1.0 / hutch_->count();
  evaluate(stacks.directions, stacks.products, add);
}

}  // namespace scorematch
