// The names of all choices in files, texts, options, help and test descriptions: one table per choice. A value without
// a name does not compile.
#pragma once
#include <iterator>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "scorematch/mlp.h"
#include "scorematch/objective.h"
#include "scorematch/sampler.h"  // upward: the variant Sampler is in the header of its plan

namespace scorematch {

/// The kind of an objective, without its parameters.
enum class ObjectiveKind { esm, ism, dsm, ssm, ssm_vr };

inline ObjectiveKind kind_of(const Objective& objective) {
  struct Visitor {
    ObjectiveKind operator()(const Esm&) const { return ObjectiveKind::esm; }
    ObjectiveKind operator()(const Ism&) const { return ObjectiveKind::ism; }
    ObjectiveKind operator()(const Dsm&) const { return ObjectiveKind::dsm; }
    ObjectiveKind operator()(const Ssm&) const { return ObjectiveKind::ssm; }
    ObjectiveKind operator()(const SsmVr&) const { return ObjectiveKind::ssm_vr; }
  };
  return std::visit(Visitor{}, objective);
}

/// The kind of a sampler, without its parameters.
enum class SamplerKind { flow, sde, annealed, langevin };

inline SamplerKind kind_of(const Sampler& sampler) {
  struct Visitor {
    SamplerKind operator()(const ProbabilityFlow&) const { return SamplerKind::flow; }
    SamplerKind operator()(const ReverseSde&) const { return SamplerKind::sde; }
    SamplerKind operator()(const AnnealedLangevin&) const { return SamplerKind::annealed; }
    SamplerKind operator()(const Langevin&) const { return SamplerKind::langevin; }
  };
  return std::visit(Visitor{}, sampler);
}

template <class T>
struct Name {
  T value;
  const char* text;
};

/// `key` is the name of the choice in files and texts. `table` has one row per value, in the enum's order.
template <class T>
struct Names;

template <>
struct Names<MlpShape::Kind> {
  using T = MlpShape::Kind;
  static constexpr const char* key = "net";
  static constexpr Name<T> table[] = {{T::score, "score"}, {T::energy, "energy"}};
};

template <>
struct Names<Activation> {
  using T = Activation;
  static constexpr const char* key = "activation";
  static constexpr Name<T> table[] = {
      {T::silu, "silu"}, {T::softplus, "softplus"}, {T::tanh, "tanh"}, {T::gelu, "gelu"}};
};

template <>
struct Names<Initialization> {
  using T = Initialization;
  static constexpr const char* key = "initialization";
  static constexpr Name<T> table[] = {{T::torch, "torch"}, {T::variance_preserving, "variance_preserving"}};
};

template <>
struct Names<Parameterization::Kind> {
  using T = Parameterization::Kind;
  static constexpr const char* key = "parameterization";
  static constexpr Name<T> table[] = {{T::plain, "plain"},
                                      {T::ncsn, "ncsn"},
                                      {T::noise_prediction, "noise_prediction"},
                                      {T::edm, "edm"},
                                      {T::epsilon, "epsilon"},
                                      {T::v_prediction, "v_prediction"},
                                      {T::data_prediction, "data_prediction"},
                                      {T::velocity, "velocity"}};
};

template <>
struct Names<ConditioningKind> {
  using T = ConditioningKind;
  static constexpr const char* key = "conditioning";
  static constexpr Name<T> table[] = {{T::none, "none"}, {T::log_sigma, "log_sigma"}, {T::fourier, "fourier"}};
};

template <>
struct Names<ObjectiveKind> {
  using T = ObjectiveKind;
  static constexpr const char* key = "objective";
  static constexpr Name<T> table[] = {
      {T::esm, "esm"}, {T::ism, "ism"}, {T::dsm, "dsm"}, {T::ssm, "ssm"}, {T::ssm_vr, "ssm_vr"}};
};

template <>
struct Names<Dsm::Variance> {
  using T = Dsm::Variance;
  static constexpr const char* key = "variance";
  static constexpr Name<T> table[] = {
      {T::plain, "plain"}, {T::control_variate, "control_variate"}, {T::antithetic, "antithetic"}};
};

template <>
struct Names<Projection> {
  using T = Projection;
  static constexpr const char* key = "distribution";
  static constexpr Name<T> table[] = {{T::gaussian, "gaussian"},       {T::rademacher, "rademacher"},
                                      {T::sphere, "sphere"},           {T::hadamard, "hadamard"},
                                      {T::coordinates, "coordinates"}, {T::orthogonal, "orthogonal"}};
};

template <>
struct Names<TraceEstimator> {
  using T = TraceEstimator;
  static constexpr const char* key = "trace_estimator";
  static constexpr Name<T> table[] = {{T::hutchinson, "hutchinson"}, {T::hutch_plus_plus, "hutch_plus_plus"}};
};

template <>
struct Names<NoiseSchedule::Kind> {
  using T = NoiseSchedule::Kind;
  static constexpr const char* key = "schedule";
  static constexpr Name<T> table[] = {
      {T::none, "none"}, {T::single, "single"}, {T::geometric, "geometric"}, {T::log_normal, "log_normal"},
      {T::vp, "vp"},     {T::sub_vp, "sub_vp"}, {T::cosine, "cosine"},       {T::rectified_flow, "rectified_flow"},
      {T::ddpm, "ddpm"}};
};

template <>
struct Names<Weighting::Kind> {
  using T = Weighting::Kind;
  static constexpr const char* key = "weighting";
  static constexpr Name<T> table[] = {{T::none, "none"},
                                      {T::sigma2, "sigma2"},
                                      {T::edm, "edm"},
                                      {T::v_prediction, "v_prediction"},
                                      {T::data_prediction, "data_prediction"},
                                      {T::velocity, "velocity"},
                                      {T::min_snr, "min_snr"},
                                      {T::truncated_snr, "truncated_snr"}};
};

template <>
struct Names<SamplerKind> {
  using T = SamplerKind;
  static constexpr const char* key = "sampler";
  static constexpr Name<T> table[] = {
      {T::flow, "flow"}, {T::sde, "sde"}, {T::annealed, "annealed"}, {T::langevin, "langevin"}};
};

template <>
struct Names<Precision> {
  using T = Precision;
  static constexpr const char* key = "precision";
  static constexpr Name<T> table[] = {{T::fp32, "fp32"}, {T::tf32, "tf32"}, {T::bf16, "bf16"}};
};

template <>
struct Names<Route> {
  using T = Route;
  static constexpr const char* key = "route";
  static constexpr Name<T> table[] = {
      {T::automatic, "automatic"}, {T::fused, "fused"}, {T::layered, "layered"}, {T::narrow, "narrow"}};
};

/// Names of values, keys and tensors in version 0.1. They are still read, but only the new names are written.
struct OldValue {
  const char *key, *old_text, *text;
};
constexpr OldValue kOldValues[] = {{"parameterization", "noise", "noise_prediction"},
                                   {"schedule", "lognormal", "log_normal"}};
struct OldKey {
  const char *old_key, *key;
};
constexpr OldKey kOldKeys[] = {{"law", "distribution"}};
constexpr OldKey kOldTensors[] = {{"noise", "eps"}};

// ---- functions of the tables

/// Whether kValue has an enumerator: the compiler writes other values as a cast, "(scorematch::Activation)4".
template <auto kValue>
constexpr bool is_enumerator() {
  constexpr std::string_view text = __PRETTY_FUNCTION__;
  return text.find("kValue = (") == std::string_view::npos;
}

template <class T>
constexpr bool is_in_order() {
  int i = 0;
  for (const Name<T>& each : Names<T>::table)
    if (static_cast<int>(each.value) != i++) return false;
  return true;
}

/// The number of values of T; they are 0, 1, ...
template <class T>
constexpr int count_of() {
  constexpr int count = static_cast<int>(std::size(Names<T>::table));
  static_assert(is_in_order<T>(), "the rows of a table of names are not in the enum's order");
  static_assert(!is_enumerator<static_cast<T>(count)>(), "a value has no row in its table of names");
  return count;
}

/// Empty if it is not a value of T.
template <class T>
constexpr const char* name_of(T value) {
  constexpr int count = count_of<T>();
  const int i = static_cast<int>(value);
  return i >= 0 && i < count ? Names<T>::table[i].text : "";
}
inline const char* name_of(const Objective& objective) { return name_of(kind_of(objective)); }
inline const char* name_of(const Sampler& sampler) { return name_of(kind_of(sampler)); }

template <class T>
std::vector<T> values_of() {
  std::vector<T> values;
  for (int i = 0; i < count_of<T>(); ++i) values.push_back(static_cast<T>(i));
  return values;
}

/// The current name for `text`, which may be a name of version 0.1.
template <class T>
std::string current_name(const std::string& text) {
  for (const OldValue& each : kOldValues)
    if (std::string_view(each.key) == Names<T>::key && text == each.old_text) return each.text;
  return text;
}

/// The value with that name, current or of version 0.1; null if there is none.
template <class T>
const T* value_named(const std::string& text) {
  const std::string name = current_name<T>(text);
  for (const Name<T>& each : Names<T>::table)
    if (name == each.text) return &each.value;
  return nullptr;
}

/// "a, b, c"
template <class T>
std::string known_names() {
  std::string all;
  for (const Name<T>& each : Names<T>::table) all += (all.empty() ? "" : ", ") + std::string(each.text);
  return all;
}

/// The key's name in version 0.1; null if it was the same.
inline const char* old_key_of(std::string_view key) {
  for (const OldKey& each : kOldKeys)
    if (key == each.key) return each.old_key;
  return nullptr;
}

}  // namespace scorematch
