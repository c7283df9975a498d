#include "scorematch/adam.h"

#include <cmath>

#include "checks/argument.h"
#include "checks/descriptions.h"
#include "engine/backend.h"
#include "plans/call_checker.h"

namespace scorematch {

struct Adam::Impl {
  Engine engine;
  std::int64_t count;
  Options options;
  Buffer<float> first_moment, second_moment, ema;
  Buffer<unsigned char> scratch;
  Buffer<Progress> progress;
  Buffer<ParamRange> ranges;

  AdamState state() {
    return {first_moment.data(), second_moment.data(),           ema.data(), scratch.data(), progress.data(), count,
            ranges.data(),       static_cast<int>(ranges.size())};
  }
};

Adam::Adam(const Engine& engine, std::int64_t param_count, const Options& options) {
  check_param_count("param_count", param_count);
  check(options);
  check_within(options.groups, param_count);
  const bool averaged = options.ema_decay > 0;
  impl_.reset(new Impl{engine, param_count, options, engine.allocate<float>(param_count),
                       engine.allocate<float>(param_count),
                       averaged ? engine.allocate<float>(param_count) : Buffer<float>(),
                       engine.allocate<unsigned char>(static_cast<std::int64_t>(engine.impl()->adam_scratch_bytes())),
                       engine.allocate<Progress>(), engine.upload(param_ranges(options.groups, param_count))});
  Queue queue(engine, 0);
  set_learning_rate(queue, options.learning_rate);
  queue.synchronize();
}

Adam::Adam(Adam&&) noexcept = default;
Adam& Adam::operator=(Adam&&) noexcept = default;
Adam::~Adam() = default;

Adam::Impl& Adam::impl() const {
  if (impl_ == nullptr) throw_invalid("adam", "an Adam", "one that has been moved from");
  return *impl_;
}

void Adam::step(Queue& queue, View params, ConstView grad, double loss_scale) {
  queue.impl().check(impl().engine.impl(), 0);
  if (!(loss_scale > 0) || !std::isfinite(loss_scale))
    throw_invalid("loss_scale", "a finite value > 0", describe(loss_scale));
  CallChecker call(*impl().engine.impl(), Floats::f32_only);
  call.required("grad", grad, {impl().count});
  if (params.empty()) throw_invalid("params", "[" + std::to_string(impl().count) + "]", "nothing");
  call.output("params", params, {impl().count});
  call.check_disjoint();
  impl().engine.impl()->adam_step(queue.impl(), impl().state(), impl().options, static_cast<float*>(params.data),
                                  static_cast<const float*>(grad.data), loss_scale);
}

void Adam::set_learning_rate(Queue& queue, double learning_rate) {
  check_learning_rate(learning_rate);
  queue.impl().check(impl().engine.impl(), 0);
  impl().engine.impl()->copy_in(queue.impl(), &impl().progress.data()->learning_rate, &learning_rate,
                                sizeof learning_rate);
}

ConstView Adam::ema() const {
  if (impl().options.ema_decay == 0) throw_invalid("ema_decay", "> 0 for an average", "0");
  return impl().ema;
}

Adam::Progress Adam::progress(Queue& queue) const {
  queue.impl().check(impl().engine.impl(), 0);
  return queue.read_one(impl().progress);
}

Adam::Snapshot Adam::snapshot(Queue& queue) const {
  Snapshot snapshot;
  snapshot.options = impl().options;
  snapshot.progress = progress(queue);
  snapshot.first_moment = queue.read(impl().first_moment);
  snapshot.second_moment = queue.read(impl().second_moment);
  if (impl().options.ema_decay > 0) snapshot.ema = queue.read(impl().ema);
  return snapshot;
}

bool Adam::Options::ema_is_settled(std::int64_t step) const {
  return std::pow(ema_decay, static_cast<double>(step)) <= 0.01;
}

void Adam::restore(Queue& queue, const Snapshot& snapshot) {
  queue.impl().check(impl().engine.impl(), 0);
  check(snapshot, impl().count);
  if ((snapshot.options.ema_decay > 0) != (impl().options.ema_decay > 0))
    throw_invalid("ema_decay", impl().options.ema_decay > 0 ? "> 0, as in this Adam" : "0, as in this Adam",
                  describe(snapshot.options.ema_decay));
  queue.write(impl().first_moment, snapshot.first_moment.data());
  queue.write(impl().second_moment, snapshot.second_moment.data());
  if (!snapshot.ema.empty()) queue.write(impl().ema, snapshot.ema.data());
  Progress progress = snapshot.progress;
  progress.learning_rate = impl().options.learning_rate;
  impl().engine.impl()->copy_in(queue.impl(), impl().progress.data(), &progress, sizeof progress);
}

}  // namespace scorematch
