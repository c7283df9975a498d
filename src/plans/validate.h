// How a bad argument is refused: every message names the argument, what was expected and what was got.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "scorematch/adam.h"
#include "scorematch/engine.h"
#include "scorematch/error.h"
#include "scorematch/mlp.h"
#include "scorematch/noise.h"
#include "scorematch/objective.h"
#include "scorematch/view.h"

namespace scorematch {

/// @throws Error invalid_argument, "argument: expected ..., got ..."
[[noreturn]] void throw_invalid(const std::string& argument, const std::string& expected, const std::string& got);

std::string describe(DType dtype);            // "float32"
std::string describe(const Shape& shape);     // "[128, 63]"
std::string describe(const ConstView& view);  // "[128, 63] float32"
std::string describe(double value);           // shortest text that reads back the same

void check_dim(int dim);
void check_max_batch(std::int64_t max_batch);
void check_projections(int projections);
void check_param_count(const char* name, std::int64_t count);
void check_learning_rate(double learning_rate);
/// > 0, and float32 holds it: a noise level, for example.
void check_positive_float(const char* name, double value);
/// What layers() adds up: the widths alone.
void check_widths(const MlpShape& net);
void check(const MlpShape& net);
void check(const NoiseSchedule& schedule);
void check(const Parameterization& parameterization);
void check(const Conditioning& conditioning);
void check(const Weighting& weighting, const Parameterization& parameterization);
void check(const Objective& objective);
void check(const Compute& compute);
void check(const Adam::Options& options);
/// Of `count` parameters.
void check(const Adam::Snapshot& snapshot, std::int64_t count);
void check(const NoiseState::Position& position);
void check_finite(const char* name, const std::vector<float>& values);

/// Strides and address: rows apart, nothing past the last address, aligned to its elements. The rank is good already.
void check_layout(const char* name, const ConstView& view);

/// Which element types a call may mix.
enum class Floats { f32_only, f32_or_f64 };

constexpr std::int64_t kAny = -1;  // an extent that is not checked

/// The views of one call. check() them one by one, then check_disjoint().
class CallChecker {
 public:
  explicit CallChecker(const Engine::Impl& engine);
  CallChecker(const Engine::Impl& engine, Floats floats) : engine_(engine), floats_(floats) {}

  void required(const char* name, const ConstView& view, std::initializer_list<std::int64_t> extents);
  void optional(const char* name, const ConstView& view, std::initializer_list<std::int64_t> extents);
  /// [N] or [1]
  void optional_per_sample(const char* name, const ConstView& view, std::int64_t batch);
  void optional_indices(const char* name, const ConstView& view);
  void output(const char* name, const View& view, std::initializer_list<std::int64_t> extents);
  void output(const char* name, const void* data, std::size_t bytes);
  /// The queue's, which has been looked at when it was made.
  void workspace(const void* data, std::size_t bytes);
  /// What the engine reads and no view is of.
  void state(const char* name, const void* data);
  static void absent(const char* name, const ConstView& view, const std::string& why);
  /// No output overlaps an input or another output.
  void check_disjoint() const;

 private:
  struct Range {  // bytes
    const char* name;
    std::uintptr_t begin, end;
    std::uintptr_t pitch = 0, width = 0;  // of rows [N, d]; 0: all of it is used
  };
  void check_view(const char* name, const ConstView& view, std::initializer_list<std::int64_t> extents) const;
  static Range range_of(const char* name, const ConstView& view);
  static bool overlap(const Range& a, const Range& b);

  void add(std::vector<Range>& to, const Range& range);

  const Engine::Impl& engine_;
  Floats floats_;
  std::vector<Range> inputs_, outputs_;
  const void* last_state_ = nullptr;
};

}  // namespace scorematch
