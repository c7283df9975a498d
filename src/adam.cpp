#include "scorematch/adam.h"

#include <cmath>
#include <limits>

#include "backend.h"

namespace scorematch {
namespace {

void check_fraction(const char* name, double value) {
  if (!(value >= 0 && value < 1)) throw_invalid(name, "in [0, 1)", describe(value));
}

void check_not_negative(const char* name, double value) {
  if (!(value >= 0) || !std::isfinite(value)) throw_invalid(name, "a finite value >= 0", describe(value));
}

void check(const Adam::Options& options) {
  check_not_negative("learning_rate", options.learning_rate);
  check_fraction("beta1", options.beta1);
  check_fraction("beta2", options.beta2);
  if (!(options.epsilon > 0) || !std::isfinite(options.epsilon))
    throw_invalid("epsilon", "a finite value > 0", describe(options.epsilon));
  check_not_negative("weight_decay", options.weight_decay);
  check_not_negative("max_grad_norm", options.max_grad_norm);
  check_fraction("ema_decay", options.ema_decay);
}

}  // namespace

struct Adam::Impl {
  Engine engine;
  std::int64_t count;
  Options options;
  Buffer<float> first_moment, second_moment, ema;
  Buffer<Progress> progress;

  AdamState state() { return {first_moment.data(), second_moment.data(), ema.data(), progress.data(), count}; }
};

Adam::Adam(const Engine& engine, std::int64_t param_count, const Options& options) {
  if (param_count < 1) throw_invalid("param_count", "at least 1", std::to_string(param_count));
  check(options);
  const bool averaged = options.ema_decay > 0;
  impl_.reset(new Impl{engine, param_count, options, engine.allocate<float>(param_count),
                       engine.allocate<float>(param_count),
                       averaged ? engine.allocate<float>(param_count) : Buffer<float>(), engine.allocate<Progress>()});
  Queue queue(engine, 0);
  set_learning_rate(queue, options.learning_rate);
  queue.synchronize();
}

Adam::Adam(Adam&&) noexcept = default;
Adam& Adam::operator=(Adam&&) noexcept = default;
Adam::~Adam() = default;

void Adam::step(Queue& queue, View params, ConstView grad, double loss_scale) {
  queue.impl().check(impl_->engine.impl(), 0);
  if (!(loss_scale > 0) || !std::isfinite(loss_scale))
    throw_invalid("loss_scale", "a finite value > 0", describe(loss_scale));
  CallChecker call(Floats::f32_only);
  call.required("grad", grad, {impl_->count});
  if (params.empty()) throw_invalid("params", "[" + std::to_string(impl_->count) + "]", "nothing");
  call.output("params", params, {impl_->count});
  call.check_disjoint();
  impl_->engine.impl()->adam_step(queue.impl(), impl_->state(), impl_->options, static_cast<float*>(params.data),
                                  static_cast<const float*>(grad.data), loss_scale);
}

void Adam::set_learning_rate(Queue& queue, double learning_rate) {
  check_not_negative("learning_rate", learning_rate);
  queue.impl().check(impl_->engine.impl(), 0);
  impl_->engine.impl()->copy_in(queue.impl(), &impl_->progress.data()->learning_rate, &learning_rate,
                                sizeof learning_rate);
}

ConstView Adam::ema() const {
  if (impl_->options.ema_decay == 0) throw_invalid("ema_decay", "> 0 for an average to be kept", "0");
  return impl_->ema;
}

Adam::Progress Adam::progress(Queue& queue) const { return queue.read_one(impl_->progress); }

Adam::Snapshot Adam::snapshot(Queue& queue) const {
  Snapshot snapshot;
  snapshot.options = impl_->options;
  snapshot.progress = progress(queue);
  snapshot.first_moment = queue.read(impl_->first_moment);
  snapshot.second_moment = queue.read(impl_->second_moment);
  if (impl_->options.ema_decay > 0) snapshot.ema = queue.read(impl_->ema);
  return snapshot;
}

void Adam::restore(Queue& queue, const Snapshot& snapshot) {
  check(snapshot.options);
  const auto count = static_cast<std::size_t>(impl_->count);
  const auto check_size = [&](const char* name, const std::vector<float>& values, std::size_t wanted) {
    if (values.size() != wanted) throw_invalid(name, std::to_string(wanted) + " values", std::to_string(values.size()));
  };
  check_size("first_moment", snapshot.first_moment, count);
  check_size("second_moment", snapshot.second_moment, count);
  check_size("ema", snapshot.ema, snapshot.options.ema_decay > 0 ? count : 0);
  if ((snapshot.options.ema_decay > 0) != (impl_->options.ema_decay > 0))
    throw_invalid("ema_decay", impl_->options.ema_decay > 0 ? "> 0, as this Adam's" : "0, as this Adam's",
                  describe(snapshot.options.ema_decay));
  if (snapshot.progress.step < 0) throw_invalid("step", "at least 0", std::to_string(snapshot.progress.step));
  check_not_negative("learning_rate", snapshot.progress.learning_rate);
  impl_->options = snapshot.options;
  queue.write(impl_->first_moment, snapshot.first_moment.data());
  queue.write(impl_->second_moment, snapshot.second_moment.data());
  if (!snapshot.ema.empty()) queue.write(impl_->ema, snapshot.ema.data());
  queue.impl().engine->copy_in(queue.impl(), impl_->progress.data(), &snapshot.progress, sizeof snapshot.progress);
}

}  // namespace scorematch
