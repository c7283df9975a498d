#include "validate.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "scorematch/philox.h"

namespace scorematch {
namespace {

constexpr int kMaxWidth = 1 << 20;
constexpr std::int64_t kMaxParams = std::int64_t{1} << 40;

const char* name_of(DType dtype) {
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

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

void check_positive(const char* name, double value) {
  if (!(value > 0) || !std::isfinite(value)) throw_invalid(name, "a finite value > 0", describe(value));
}

void check_range(const char* name, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high)
    throw_invalid(name, "between " + std::to_string(low) + " and " + std::to_string(high), std::to_string(value));
}

std::string describe_expected(std::initializer_list<std::int64_t> extents) {
  std::string text = "[";
  for (const std::int64_t each : extents) {
    if (text.size() > 1) text += ", ";
    text += each == kAny ? std::string("any") : std::to_string(each);
  }
  return text + "]";
}

}  // namespace

void throw_invalid(const std::string& argument, const std::string& expected, const std::string& got) {
  throw Error(ErrorCode::invalid_argument, argument, argument + ": expected " + expected + ", got " + got);
}

std::string describe(const Shape& shape) {
  std::string text = "[";
  for (int axis = 0; axis < shape.rank; ++axis) text += (axis > 0 ? ", " : "") + std::to_string(shape.extent[axis]);
  return text + "]";
}

std::string describe(const ConstView& view) {
  if (view.empty()) return "nothing";
  return describe(view.shape) + " " + name_of(view.dtype);
}

std::string describe(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return std::string(text, end);
}

void check_dim(int dim) { check_range("dim", dim, 1, 4 * philox::kMaxGroups); }
void check_max_batch(std::int64_t max_batch) { check_range("max_batch", max_batch, 1, std::int64_t{1} << 40); }
void check_projections(int projections) { check_range("projections", projections, 1, philox::kMaxDirections); }

void check(const MlpShape& net) {
  check_dim(net.dim);
  for (const int width : net.hidden) check_range("hidden", width, 1, kMaxWidth);
  if (net.hidden.size() > 1024) throw_invalid("hidden", "at most 1024 layers", std::to_string(net.hidden.size()));
  check_range("activation", static_cast<int>(net.activation), 0, static_cast<int>(Activation::gelu));
  check_range("kind", static_cast<int>(net.kind), 0, static_cast<int>(MlpShape::Kind::energy));
  check(net.parameterization);
  check(net.conditioning);
  check_range("net.param_count", net.param_count(), 1, kMaxParams);
}

void check(const NoiseSchedule& schedule) {
  std::visit(Overloaded{[](const schedule::None&) {},
                        [](const schedule::Single& s) { check_positive("schedule.sigma", s.sigma); },
                        [](const schedule::Geometric& s) {
                          check_positive("schedule.sigma_min", s.sigma_min);
                          check_positive("schedule.sigma_max", s.sigma_max);
                          if (s.sigma_min > s.sigma_max)
                            throw_invalid("schedule.sigma_min", "at most sigma_max " + describe(s.sigma_max),
                                          describe(s.sigma_min));
                          check_range("schedule.levels", s.levels, 0, 1 << 24);
                        },
                        [](const schedule::LogNormal& s) {
                          if (!std::isfinite(s.mean))
                            throw_invalid("schedule.mean", "a finite value", describe(s.mean));
                          if (!(s.deviation >= 0) || !std::isfinite(s.deviation))
                            throw_invalid("schedule.deviation", "a finite value >= 0", describe(s.deviation));
                        }},
             schedule);
}

void check(const Parameterization& parameterization) {
  if (const auto* edm = std::get_if<parameterization::Edm>(&parameterization))
    check_positive("parameterization.sigma_data", edm->sigma_data);
}

void check(const Conditioning& conditioning) {
  const auto* fourier = std::get_if<conditioning::Fourier>(&conditioning);
  if (fourier == nullptr) return;
  check_range("conditioning.frequencies", static_cast<std::int64_t>(fourier->frequencies.size()), 1, kMaxWidth);
  for (const double each : fourier->frequencies)
    if (!std::isfinite(each)) throw_invalid("conditioning.frequencies", "finite values", describe(each));
}

void check(const Weighting& weighting, const Parameterization& parameterization) {
  const auto* edm = std::get_if<weighting::Edm>(&weighting);
  if (edm == nullptr) return;
  check_positive("weighting.sigma_data", edm->sigma_data);
  const auto* net = std::get_if<parameterization::Edm>(&parameterization);
  if (net != nullptr && net->sigma_data != edm->sigma_data)
    throw_invalid("weighting.sigma_data", "the parameterization's " + describe(net->sigma_data),
                  describe(edm->sigma_data));
}

void check(const Objective& objective) {
  const auto check_law = [](Projection law) {
    check_range("law", static_cast<int>(law), 0, static_cast<int>(Projection::sphere));
  };
  std::visit(Overloaded{[](const Esm&) {}, [](const Ism&) {},
                        [](const Dsm& dsm) {
                          check_range("variance", static_cast<int>(dsm.variance), 0,
                                      static_cast<int>(Dsm::Variance::antithetic));
                        },
                        [&](const auto& sliced) {
                          check_projections(sliced.projections);
                          check_law(sliced.law);
                        }},
             objective);
}

void CallChecker::check_view(const char* name, const ConstView& view,
                             std::initializer_list<std::int64_t> extents) const {
  const bool float_type = view.dtype == DType::f32 || (view.dtype == DType::f64 && floats_ == Floats::f32_or_f64);
  bool same = float_type && view.shape.rank == static_cast<int>(extents.size());
  for (int axis = 0; same && axis < view.shape.rank; ++axis) {
    const std::int64_t wanted = extents.begin()[axis];
    same = wanted == kAny || wanted == view.shape.extent[axis];
  }
  if (!same)
    throw_invalid(name, describe_expected(extents) + (floats_ == Floats::f32_only ? " float32" : " float32 or float64"),
                  describe(view));
  const int rank = view.shape.rank;
  if (rank > 0 && view.stride[rank - 1] != 1)
    throw_invalid(name, "a last axis of stride 1", std::to_string(view.stride[rank - 1]));
  if (rank > 1 && view.stride[rank - 2] < view.shape.extent[rank - 1])
    throw_invalid(name, "a row stride of at least " + std::to_string(view.shape.extent[rank - 1]),
                  std::to_string(view.stride[rank - 2]));
  const std::size_t bytes = view.dtype == DType::f32 ? 4 : 8;
  if (reinterpret_cast<std::uintptr_t>(view.data) % bytes != 0)
    throw_invalid(name, "an address that is a multiple of " + std::to_string(bytes),
                  std::to_string(reinterpret_cast<std::uintptr_t>(view.data) % bytes) + " past one");
}

CallChecker::Range CallChecker::range_of(const char* name, const ConstView& view) {
  std::int64_t last = 0;
  for (int axis = 0; axis < view.shape.rank; ++axis) {
    if (view.shape.extent[axis] == 0) return {name, nullptr, nullptr};
    last += (view.shape.extent[axis] - 1) * view.stride[axis];
  }
  const char* begin = static_cast<const char*>(view.data);
  return {name, begin, begin + (last + 1) * (view.dtype == DType::f32 ? 4 : 8)};
}

void CallChecker::required(const char* name, const ConstView& view, std::initializer_list<std::int64_t> extents) {
  if (view.empty()) throw_invalid(name, describe_expected(extents), "nothing");
  check_view(name, view, extents);
  inputs_.push_back(range_of(name, view));
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
  if (view.dtype != DType::i64 || view.shape.rank != 1 || view.stride[0] != 1)
    throw_invalid(name, "[batch] int64", describe(view));
  inputs_.push_back(range_of(name, view));
}

void CallChecker::output(const char* name, const View& view, std::initializer_list<std::int64_t> extents) {
  if (view.empty()) return;
  check_view(name, view, extents);
  outputs_.push_back(range_of(name, view));
}

void CallChecker::output(const char* name, const void* data, std::size_t bytes) {
  if (data == nullptr) return;
  if (reinterpret_cast<std::uintptr_t>(data) % 8 != 0)
    throw_invalid(name, "an address that is a multiple of 8",
                  std::to_string(reinterpret_cast<std::uintptr_t>(data) % 8) + " past one");
  const char* begin = static_cast<const char*>(data);
  outputs_.push_back({name, begin, begin + bytes});
}

void CallChecker::absent(const char* name, const ConstView& view, const std::string& why) {
  if (!view.empty()) throw_invalid(name, "nothing (" + why + ")", describe(view));
}

void CallChecker::check_disjoint() const {
  const auto overlap = [](const Range& a, const Range& b) { return a.begin < b.end && b.begin < a.end; };
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
