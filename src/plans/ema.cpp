#include "scorematch/ema.h"

#include <algorithm>
#include <cmath>

#include "checks/argument.h"
#include "checks/descriptions.h"
#include "engine/backend.h"
#include "plans/call_checker.h"

namespace scorematch {

struct Ema::Impl {
  Engine engine;
  std::int64_t count;
  double decay;
  Buffer<float> average;
  bool started = false;

  void check_call(Queue& queue, const ConstView& params) const {
    queue.impl().check(engine.impl(), 0);
    CallChecker call(*engine.impl(), Floats::f32_only);
    call.required("params", params, {count});
    call.output("average", View(const_cast<float*>(average.data()), count), {count});
    call.check_disjoint();
  }

  /// average += weight (params - average), as rows of equal width, which engines divide among threads, and a rest.
  void blend(Queue& queue, const ConstView& params, double weight) {
    constexpr std::int64_t kColumns = 1024;
    const std::int64_t rows = count / kColumns, rest = count % kColumns;
    if (rows > 0) blend_rows(queue, params, 0, {rows, kColumns}, weight);
    if (rest > 0) blend_rows(queue, params, rows * kColumns, {1, rest}, weight);
  }

 private:
  /// The form x + weight p - weight x: its error is in proportion to the change, and a constant does not drift.
  void blend_rows(Queue& queue, const ConstView& params, std::int64_t at, const Shape& shape, double weight) {
    SamplerUpdate update;
    update.out = View(average.data() + at, shape);
    update.score = ConstView(static_cast<const float*>(params.data) + at, shape);
    update.score_factor = weight;
    if (weight != 1) {
      update.x = update.second_score = update.out;
      update.second_factor = -weight;
    }
    engine.impl()->sampler_update(queue.impl(), update);
  }
};

Ema::Ema(const Engine& engine, std::int64_t param_count, double decay) {
  check_param_count("param_count", param_count);
  if (!(decay > 0 && decay < 1)) throw_invalid("decay", "in (0, 1)", describe(decay));
  impl_.reset(new Impl{engine, param_count, decay, engine.allocate<float>(param_count)});
}

Ema::Ema(Ema&&) noexcept = default;
Ema& Ema::operator=(Ema&&) noexcept = default;
Ema::~Ema() = default;

Ema::Impl& Ema::impl() const {
  if (impl_ == nullptr) throw_invalid("ema", "an Ema", "one that has been moved from");
  return *impl_;
}

void Ema::start(Queue& queue, ConstView params) {
  impl().check_call(queue, params);
  impl().blend(queue, params, 1);
  impl().started = true;
}

void Ema::update(Queue& queue, ConstView params) {
  impl().check_call(queue, params);
  if (!impl().started) throw_invalid("ema", "one with a start", "an update before start()");
  impl().blend(queue, params, 1 - impl().decay);
}

ConstView Ema::average() const { return impl().average; }
double Ema::decay() const { return impl().decay; }

bool Ema::is_settled(std::int64_t updates) const {
  return std::pow(impl().decay, static_cast<double>(updates)) <= 0.01;
}

}  // namespace scorematch
