/// @file
/// Numbers for tests: the host makes them in double, and an engine stores them in the type in which it computes.
#pragma once
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "reference/directions.h"
#include "scorematch/engine.h"
#include "scorematch/error.h"
#include "scorematch/queue.h"

namespace scorematch::testing_support {

/// Unit roundoff of the type in which an engine computes.
inline double unit_roundoff(const Engine& engine) {
  return engine.kind() == Engine::Kind::reference ? 0x1p-53 : 0x1p-24;
}

inline Engine engine_named(const std::string& name) {
  return name == "cuda" ? Engine::cuda() : name == "cpu" ? Engine::cpu(2) : Engine::reference();
}

/// The names of the available engines, as values of a test parameter.
inline std::vector<std::string> engine_names() {
  std::vector<std::string> names = {"reference"};
  for (const char* each : {"cpu", "cuda"}) {
    try {
      engine_named(each);
      names.push_back(each);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::unsupported && error.code() != ErrorCode::device_unavailable) throw;
    }
  }
  return names;
}

/// The nearest float.
inline double as_float(double value) { return static_cast<double>(static_cast<float>(value)); }

/// [n], uniform in [low, high). Each is a float, so no engine rounds it.
inline std::vector<double> uniform_values(std::int64_t n, unsigned seed, double low = -1, double high = 1) {
  std::mt19937 generator(seed);
  std::vector<double> values;
  for (std::int64_t i = 0; i < n; ++i)
    values.push_back(as_float(low + (high - low) * 0x1p-32 * static_cast<double>(generator())));
  return values;
}

/// [n], standard normal, each a float.
inline std::vector<double> normal_values(std::int64_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<double> values;
  while (static_cast<std::int64_t>(values.size()) < n) {
    philox::Block words;
    for (std::uint32_t& word : words.word) word = static_cast<std::uint32_t>(generator());
    for (int i = 0; i < 4; ++i) values.push_back(as_float(reference::normal(words, i)));
  }
  values.resize(static_cast<std::size_t>(n));
  return values;
}

/// An array in the memory of its engine, float64 on the reference, else float32. By default an empty view.
class Array {
 public:
  Array() = default;
  Array(const Engine& engine, const Shape& shape) : in_double_(engine.kind() == Engine::Kind::reference) {
    if (in_double_)
      doubles_ = engine.allocate<double>(shape);
    else
      floats_ = engine.allocate<float>(shape);
  }
  /// An empty view if there are no values.
  Array(const Engine& engine, const std::vector<double>& values, const Shape& shape)
      : in_double_(engine.kind() == Engine::Kind::reference) {
    if (values.empty()) return;
    if (in_double_)
      doubles_ = engine.upload(values, shape);
    else
      floats_ = engine.upload(std::vector<float>(values.begin(), values.end()), shape);
  }

  View view() { return in_double_ ? View(doubles_) : View(floats_); }
  ConstView view() const { return in_double_ ? ConstView(doubles_) : ConstView(floats_); }
  operator View() { return view(); }
  operator ConstView() const { return view(); }

  std::vector<double> read(Queue& queue) const {
    if (in_double_) return queue.read(doubles_);
    const std::vector<float> values = queue.read(floats_);
    return {values.begin(), values.end()};
  }

 private:
  bool in_double_ = false;
  Buffer<double> doubles_;
  Buffer<float> floats_;
};

}  // namespace scorematch::testing_support
