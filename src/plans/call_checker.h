// The checks of one call's arrays: shapes, types, addresses, and that no output overlaps another array.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "checks/argument.h"
#include "engine/backend.h"
#include "scorematch/view.h"

namespace scorematch {

constexpr std::int64_t kAny = -1;  // an extent that is not checked

/// The views of one call. Check them one by one, then call check_disjoint().
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
  void output_indices(const char* name, const View& view, std::int64_t count);  ///< [count] int64
  /// The queue's workspace, whose address was checked when the queue was made.
  void workspace(const void* data, std::size_t bytes);
  /// Engine memory that is not a view's.
  void state(const char* name, const void* data);
  static void absent(const char* name, const ConstView& view, const std::string& why);
  /// No output overlaps an input or another output.
  void check_disjoint() const;

 private:
  struct Range {  // bytes
    const char* name;
    std::uintptr_t begin, end;
    std::uintptr_t pitch = 0, width = 0;  // of rows [N, d]; 0: all bytes count as used
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
