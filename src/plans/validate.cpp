#include "plans/validate.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "engine/backend.h"
#include "model/names.h"
#include "scorematch/philox.h"

namespace scorematch {
namespace {

constexpr int kMaxWidth = 1 << 20;
constexpr std::int64_t kMaxParams = std::int64_t{1} << 40;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

void check_positive(const char* name, double value) {
  if (!(value > 0) || !std::isfinite(value)) throw_invalid(name, "a finite value > 0", describe(value));
}

void check_not_negative(const char* name, double value) {
  if (!(value >= 0) || !std::isfinite(value)) throw_invalid(name, "a finite value >= 0", describe(value));
}

void check_fraction(const char* name, double value) {
  if (!(value >= 0 && value < 1)) throw_invalid(name, "in [0, 1)", describe(value));
}

void check_range(const char* name, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high)
    throw_invalid(name, "between " + std::to_string(low) + " and " + std::to_string(high), std::to_string(value));
}

template <class T>
void check_choice(const char* name, T value) {
  check_range(name, static_cast<int>(value), 0, count_of<T>() - 1);
}

std::string describe_expected(std::initializer_list<std::int64_t> extents) {
  std::string text = "[";
  for (const std::int64_t each : extents) {
    if (text.size() > 1) text += ", ";
    text += each == kAny ? std::string("any") : std::to_string(each);
  }
  return text + "]";
}

std::int64_t element_bytes(DType dtype) { return dtype == DType::f32 ? 4 : 8; }

/// From the first element to past the last. False where it is 2^63 or more, or past the last address.
bool span_bytes(const ConstView& view, std::int64_t* bytes) {
  std::int64_t last = 0, step = 0;
  for (int axis = 0; axis < view.shape.rank; ++axis) {
    if (view.shape.extent[axis] == 0) {
      *bytes = 0;
      return true;
    }
    if (__builtin_mul_overflow(view.shape.extent[axis] - 1, view.stride[axis], &step) ||
        __builtin_add_overflow(last, step, &last))
      return false;
  }
  std::uintptr_t end = 0;
  return !__builtin_add_overflow(last, 1, &last) && !__builtin_mul_overflow(last, element_bytes(view.dtype), bytes) &&
         !__builtin_add_overflow(reinterpret_cast<std::uintptr_t>(view.data), *bytes, &end);
}

std::string describe_strides(const ConstView& view) {
  Shape strides;
  strides.rank = view.shape.rank;
  std::copy_n(view.stride, 3, strides.extent);
  return describe(view) + " with strides " + describe(strides);
}

/// Planes of [M, N, d] one after the other, or row by row in turn.
void check_planes(const char* name, const ConstView& view) {
  const std::int64_t planes = view.shape.extent[0], rows = view.shape.extent[1], width = view.shape.extent[2];
  if (planes <= 1 || rows == 0 || width == 0) return;
  const std::int64_t plane = view.stride[0], row = view.stride[1], least = (rows - 1) * row + width;
  if (plane < least && (plane < width || row < (planes - 1) * plane + width))
    throw_invalid(name, "a plane stride of at least " + std::to_string(least), std::to_string(plane));
}

}  // namespace

void throw_invalid(const std::string& argument, const std::string& expected, const std::string& got) {
  throw Error(ErrorCode::invalid_argument, argument, argument + ": expected " + expected + ", got " + got);
}

std::string describe(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "float32";
    case DType::f64:
      return "float64";
    case DType::i64:
      return "int64";
  }
  return "an unknown type";
}

std::string describe(const Shape& shape) {
  if (shape.rank < 0 || shape.rank > 3) return "a shape of " + std::to_string(shape.rank) + " extents";
  std::string text = "[";
  for (int axis = 0; axis < shape.rank; ++axis) text += (axis > 0 ? ", " : "") + std::to_string(shape.extent[axis]);
  return text + "]";
}

std::string describe(const ConstView& view) {
  if (view.empty()) return "nothing";
  return describe(view.shape) + " " + describe(view.dtype);
}

std::string describe(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return std::string(text, end);
}

void check_dim(int dim) { check_range("dim", dim, 1, 4 * philox::kMaxGroups); }
void check_max_batch(std::int64_t max_batch) { check_range("max_batch", max_batch, 1, std::int64_t{1} << 40); }
void check_projections(int projections) { check_range("projections", projections, 1, philox::kMaxDirections); }
void check_param_count(const char* name, std::int64_t count) { check_range(name, count, 1, kMaxParams); }
void check_learning_rate(double learning_rate) { check_not_negative("learning_rate", learning_rate); }

void check_positive_float(const char* name, double value) {
  if (!(value >= static_cast<double>(std::numeric_limits<float>::min())) ||
      !(value <= static_cast<double>(std::numeric_limits<float>::max())))
    throw_invalid(name, "between 1.2e-38 and 3.4e38, as float32 holds it", describe(value));
}

void check_widths(const MlpShape& net) {
  check_dim(net.dim);
  if (net.hidden.size() > 1024) throw_invalid("hidden", "at most 1024 layers", std::to_string(net.hidden.size()));
  for (const int width : net.hidden) check_range("hidden", width, 1, kMaxWidth);
  if (net.conditioning.kind == Conditioning::Kind::fourier)
    check_range("conditioning.frequencies", static_cast<std::int64_t>(net.conditioning.frequencies.size()), 1,
                kMaxWidth);
}

void check(const MlpShape& net) {
  check_widths(net);
  check_choice("activation", net.activation);
  check_choice("kind", net.kind);
  check(net.parameterization);
  check(net.conditioning);
  check_param_count("net.param_count", net.param_count());
}

void check(const NoiseSchedule& schedule) {
  check_choice("schedule.kind", schedule.kind);
  switch (schedule.kind) {
    case NoiseSchedule::Kind::none:
      break;
    case NoiseSchedule::Kind::single:
      check_positive_float("schedule.sigma", schedule.sigma_max);
      break;
    case NoiseSchedule::Kind::geometric:
      check_positive_float("schedule.sigma_min", schedule.sigma_min);
      check_positive_float("schedule.sigma_max", schedule.sigma_max);
      if (schedule.sigma_min > schedule.sigma_max)
        throw_invalid("schedule.sigma_min", "at most sigma_max " + describe(schedule.sigma_max),
                      describe(schedule.sigma_min));
      check_range("schedule.levels", schedule.levels, 0, 1 << 24);
      break;
    case NoiseSchedule::Kind::log_normal: {
      if (!std::isfinite(schedule.log_mean))
        throw_invalid("schedule.log_mean", "a finite value", describe(schedule.log_mean));
      check_not_negative("schedule.log_deviation", schedule.log_deviation);
      // No normal that is drawn is past 6: its uniforms have 23 bits.
      const double farthest = std::abs(schedule.log_mean) + 6 * schedule.log_deviation;
      if (farthest > 87)
        throw_invalid("schedule.log_mean", "|log_mean| + 6 log_deviation <= 87, so that float32 holds sigma",
                      describe(farthest));
      break;
    }
  }
}

void check(const Parameterization& parameterization) {
  check_choice("parameterization.kind", parameterization.kind);
  if (parameterization.kind == Parameterization::Kind::edm)
    check_positive("parameterization.sigma_data", parameterization.sigma_data);
}

void check(const Conditioning& conditioning) {
  check_choice("conditioning.kind", conditioning.kind);
  const auto count = static_cast<std::int64_t>(conditioning.frequencies.size());
  if (conditioning.kind != Conditioning::Kind::fourier) {
    if (count > 0) throw_invalid("conditioning.frequencies", "none, as the kind is not fourier", std::to_string(count));
    return;
  }
  check_range("conditioning.frequencies", count, 1, kMaxWidth);
  for (const double each : conditioning.frequencies)
    if (!std::isfinite(each)) throw_invalid("conditioning.frequencies", "finite values", describe(each));
}

void check(const Weighting& weighting, const Parameterization& parameterization) {
  check_choice("weighting.kind", weighting.kind);
  if (weighting.kind != Weighting::Kind::edm) return;
  check_positive("weighting.sigma_data", weighting.sigma_data);
  if (parameterization.kind == Parameterization::Kind::edm && parameterization.sigma_data != weighting.sigma_data)
    throw_invalid("weighting.sigma_data", "the parameterization's " + describe(parameterization.sigma_data),
                  describe(weighting.sigma_data));
}

void check(const Objective& objective) {
  const auto check_sliced = [](int projections, Projection distribution) {
    check_projections(projections);
    check_choice("distribution", distribution);
  };
  std::visit(
      Overloaded{[](const Esm&) {}, [](const Ism&) {}, [](const Dsm& dsm) { check_choice("variance", dsm.variance); },
                 [&](const Ssm& ssm) { check_sliced(ssm.projections, ssm.distribution); },
                 [&](const SsmVr& ssm) { check_sliced(ssm.projections, ssm.distribution); }},
      objective);
}

void check(const Compute& compute) {
  check_choice("compute.precision", compute.precision);
  check_choice("compute.route", compute.route);
}

void check(const Adam::Options& options) {
  check_learning_rate(options.learning_rate);
  check_fraction("beta1", options.beta1);
  check_fraction("beta2", options.beta2);
  check_positive_float("epsilon", options.epsilon);
  check_not_negative("weight_decay", options.weight_decay);
  check_not_negative("max_grad_norm", options.max_grad_norm);
  check_fraction("ema_decay", options.ema_decay);
}

void check(const Adam::Snapshot& snapshot, std::int64_t count) {
  check(snapshot.options);
  const auto check_size = [](const char* name, const std::vector<float>& values, std::int64_t wanted) {
    if (values.size() != static_cast<std::size_t>(wanted))
      throw_invalid(name, std::to_string(wanted) + " values", std::to_string(values.size()));
  };
  check_size("first_moment", snapshot.first_moment, count);
  check_size("second_moment", snapshot.second_moment, count);
  check_size("ema", snapshot.ema, snapshot.options.ema_decay > 0 ? count : 0);
  check_finite("first_moment", snapshot.first_moment);
  for (const float each : snapshot.second_moment)  // infinite where a square is past float32: no step for it any more
    if (!(each >= 0)) throw_invalid("second_moment", "values >= 0", describe(static_cast<double>(each)));
  check_finite("ema", snapshot.ema);
  check_not_negative("progress.learning_rate", snapshot.progress.learning_rate);
  check_range("progress.step", snapshot.progress.step, 0, std::numeric_limits<std::int64_t>::max());
  check_range("progress.skipped", snapshot.progress.skipped, 0, std::numeric_limits<std::int64_t>::max());
}

void check(const NoiseState::Position& position) {
  if (position.step < 0 || position.step >= philox::kMaxSteps)
    throw_invalid("step", "in [0, 2^40)", std::to_string(position.step));
  if (position.first_sample < 0 || position.first_sample >= philox::kMaxSamples)
    throw_invalid("first_sample", "in [0, 2^48)", std::to_string(position.first_sample));
}

void check_finite(const char* name, const std::vector<float>& values) {
  const auto bad = std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad != values.end())
    throw_invalid(name, "finite values",
                  describe(static_cast<double>(*bad)) + " at " + std::to_string(bad - values.begin()));
}

void check_layout(const char* name, const ConstView& view) {
  const int rank = view.shape.rank;
  if (rank > 0 && view.stride[rank - 1] != 1)
    throw_invalid(name, "a last axis of stride 1", std::to_string(view.stride[rank - 1]));
  if (rank > 1 && view.stride[rank - 2] < view.shape.extent[rank - 1])
    throw_invalid(name, "a row stride of at least " + std::to_string(view.shape.extent[rank - 1]),
                  std::to_string(view.stride[rank - 2]));
  if (rank > 2 && view.stride[0] < 0)
    throw_invalid(name, "a plane stride of at least 0", std::to_string(view.stride[0]));
  std::int64_t bytes = 0;
  if (!span_bytes(view, &bytes)) throw_invalid(name, "an array that ends below 2^63 bytes", describe_strides(view));
  if (rank > 2) check_planes(name, view);
  const std::int64_t alignment = element_bytes(view.dtype);
  const auto past =
      static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(view.data) % static_cast<std::uintptr_t>(alignment));
  if (past != 0)
    throw_invalid(name, "an address that is a multiple of " + std::to_string(alignment),
                  std::to_string(past) + " past one");
}

CallChecker::CallChecker(const Engine::Impl& engine) : CallChecker(engine, engine.floats) {}

void CallChecker::check_view(const char* name, const ConstView& view,
                             std::initializer_list<std::int64_t> extents) const {
  const bool float_type = view.dtype == DType::f32 || (view.dtype == DType::f64 && floats_ == Floats::f32_or_f64);
  bool same = float_type && view.shape.rank == static_cast<int>(extents.size());
  for (int axis = 0; same && axis < view.shape.rank; ++axis) {
    const std::int64_t wanted = extents.begin()[axis];
    same = wanted == kAny ? view.shape.extent[axis] >= 0 : wanted == view.shape.extent[axis];
  }
  if (!same)
    throw_invalid(name, describe_expected(extents) + (floats_ == Floats::f32_only ? " float32" : " float32 or float64"),
                  describe(view));
  check_layout(name, view);
}

CallChecker::Range CallChecker::range_of(const char* name, const ConstView& view) {
  std::int64_t bytes = 0;
  span_bytes(view, &bytes);
  if (bytes == 0) return {name, 0, 0};
  const auto begin = reinterpret_cast<std::uintptr_t>(view.data);
  Range range{name, begin, begin + static_cast<std::uintptr_t>(bytes)};
  if (view.shape.rank == 2) {
    range.pitch = static_cast<std::uintptr_t>(view.stride[0] * element_bytes(view.dtype));
    range.width = static_cast<std::uintptr_t>(view.shape.extent[1] * element_bytes(view.dtype));
  }
  return range;
}

/// Rows of one pitch may lie side by side: columns of one table.
bool CallChecker::overlap(const Range& a, const Range& b) {
  if (a.begin >= b.end || b.begin >= a.end) return false;
  if (a.pitch == 0 || a.pitch != b.pitch) return true;
  const Range &first = a.begin <= b.begin ? a : b, &second = a.begin <= b.begin ? b : a;
  const std::uintptr_t shift = (second.begin - first.begin) % a.pitch;
  return shift < first.width || a.pitch - shift < second.width;
}

void CallChecker::required(const char* name, const ConstView& view, std::initializer_list<std::int64_t> extents) {
  if (view.empty()) throw_invalid(name, describe_expected(extents), "nothing");
  check_view(name, view, extents);
  add(inputs_, range_of(name, view));
}

void CallChecker::optional(const char* name, const ConstView& view, std::initializer_list<std::int64_t> extents) {
  if (!view.empty()) required(name, view, extents);
}

void CallChecker::optional_per_sample(const char* name, const ConstView& view, std::int64_t batch) {
  const bool shared = view.shape.rank == 1 && view.shape.extent[0] == 1;
  optional(name, view, {shared ? 1 : batch});
}

void CallChecker::optional_indices(const char* name, const ConstView& view) {
  if (view.empty()) return;
  if (view.dtype != DType::i64 || view.shape.rank != 1 || view.shape.extent[0] < 0)
    throw_invalid(name, "[batch] int64", describe(view));
  check_layout(name, view);
  add(inputs_, range_of(name, view));
}

void CallChecker::output(const char* name, const View& view, std::initializer_list<std::int64_t> extents) {
  if (view.empty()) return;
  check_view(name, view, extents);
  add(outputs_, range_of(name, view));
}

void CallChecker::output(const char* name, const void* data, std::size_t bytes) {
  if (data == nullptr || bytes == 0) return;
  if (reinterpret_cast<std::uintptr_t>(data) % 8 != 0)
    throw_invalid(name, "an address that is a multiple of 8",
                  std::to_string(reinterpret_cast<std::uintptr_t>(data) % 8) + " past one");
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  add(outputs_, {name, begin, begin + bytes});
}

void CallChecker::workspace(const void* data, std::size_t bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  outputs_.push_back({"queue.workspace", begin, begin + bytes});
}

void CallChecker::state(const char* name, const void* data) {
  if (data != last_state_) engine_.check_memory(name, data);  // a call draws several things from one noise
  last_state_ = data;
}

void CallChecker::add(std::vector<Range>& to, const Range& range) {
  if (range.begin < range.end) engine_.check_memory(range.name, reinterpret_cast<const void*>(range.begin));
  to.push_back(range);
}

void CallChecker::absent(const char* name, const ConstView& view, const std::string& why) {
  if (!view.empty()) throw_invalid(name, "nothing (" + why + ")", describe(view));
}

void CallChecker::check_disjoint() const {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    for (const Range& input : inputs_)
      if (overlap(outputs_[i], input))
        throw_invalid(outputs_[i].name, "memory of its own", std::string("memory shared with ") + input.name);
    for (std::size_t j = i + 1; j < outputs_.size(); ++j)
      if (overlap(outputs_[i], outputs_[j]))
        throw_invalid(outputs_[i].name, "memory of its own", std::string("memory shared with ") + outputs_[j].name);
  }
}

}  // namespace scorematch
