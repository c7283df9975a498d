/// @file
/// Views: memory with an element type and a shape. They do not own the memory and are passed by value.
#pragma once
#include <cstdint>
#include <initializer_list>

#include "scorematch/export.h"

namespace scorematch {

/// One to three extents, in elements: n, {n, d} or {m, n, d}. Rank 0: no array.
struct SCOREMATCH_API Shape {
  Shape() = default;
  Shape(std::int64_t n) : rank(1), extent{n, 0, 0} {}
  Shape(std::initializer_list<std::int64_t> extents);  ///< @throws Error for more than three or a negative one
  std::int64_t count() const;                          ///< their product; 0 for rank 0

  std::int32_t rank = 0;
  std::int64_t extent[3] = {0, 0, 0};
};

enum class DType : std::int32_t { f32, f64, i64 };  ///< i64: row indices only

/// Read-only view, row-major, with a contiguous last axis. A default-constructed view is empty: "not given".
struct SCOREMATCH_API ConstView {
  ConstView() = default;
  ConstView(const float* data, const Shape& shape);
  ConstView(const double* data, const Shape& shape);
  ConstView(const std::int64_t* data, const Shape& shape);

  bool empty() const noexcept { return data == nullptr; }
  /// Samples [first, first + count) along the only axis of [N], the first of [N, d], or the second of [M, N, d].
  /// @throws Error if the view does not have all of them.
  ConstView samples(std::int64_t first, std::int64_t count) const;
  /// The same with rows that are `elements` apart (for padding, or for some columns of a wider table).
  ConstView with_row_stride(std::int64_t elements) const;

  const void* data = nullptr;
  DType dtype = DType::f32;
  Shape shape;
  std::int64_t stride[3] = {0, 0, 0};  ///< in elements
};

/// Writable view. A default-constructed view is empty: "not wanted".
struct SCOREMATCH_API View {
  View() = default;
  View(float* data, const Shape& shape);
  View(double* data, const Shape& shape);
  View(std::int64_t* data, const Shape& shape);

  operator ConstView() const noexcept;
  bool empty() const noexcept { return data == nullptr; }
  View samples(std::int64_t first, std::int64_t count) const;
  View with_row_stride(std::int64_t elements) const;

  void* data = nullptr;
  DType dtype = DType::f32;
  Shape shape;
  std::int64_t stride[3] = {0, 0, 0};  ///< in elements
};

}  // namespace scorematch
