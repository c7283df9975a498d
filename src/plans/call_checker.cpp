#include "plans/call_checker.h"

#include "checks/layout.h"

namespace scorematch {
namespace {

std::string describe_expected(std::initializer_list<std::int64_t> extents) {
  std::string text = "[";
  for (const std::int64_t each : extents) {
    if (text.size() > 1) text += ", ";
    text += each == kAny ? std::string("any") : std::to_string(each);
  }
  return text + "]";
}

}  // namespace

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

/// Rows of the same pitch may be interleaved, as different columns of one table.
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

void CallChecker::output_indices(const char* name, const View& view, std::int64_t count) {
  if (view.empty()) return;
  if (view.dtype != DType::i64 || view.shape.rank != 1 || view.shape.extent[0] != count)
    throw_invalid(name, "[" + std::to_string(count) + "] int64", describe(view));
  check_layout(name, view);
  add(outputs_, range_of(name, view));
}

void CallChecker::output(const char* name, const void* data, std::size_t bytes) {
  if (data == nullptr || bytes == 0) return;
  if (reinterpret_cast<std::uintptr_t>(data) % 8 != 0)
    throw_invalid(name, "an address that is a multiple of 8",
                  std::to_string(reinterpret_cast<std::uintptr_t>(data) % 8) + " bytes past a multiple");
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  add(outputs_, {name, begin, begin + bytes});
}

void CallChecker::workspace(const void* data, std::size_t bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  outputs_.push_back({"queue.workspace", begin, begin + bytes});
}

void CallChecker::state(const char* name, const void* data) {
  if (data != last_state_) engine_.check_memory(name, data);  // a call draws several arrays from one noise
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
