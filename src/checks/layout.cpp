#include "checks/layout.h"

#include <algorithm>
#include <string>

#include "checks/argument.h"

namespace scorematch {
namespace {

std::string describe_strides(const ConstView& view) {
  Shape strides;
  strides.rank = view.shape.rank;
  std::copy_n(view.stride, 3, strides.extent);
  return describe(view) + " with strides " + describe(strides);
}

/// The planes of [M, N, d] must not overlap: one after another, or interleaved by rows.
void check_planes(const char* name, const ConstView& view) {
  const std::int64_t planes = view.shape.extent[0], rows = view.shape.extent[1], width = view.shape.extent[2];
  if (planes <= 1 || rows == 0 || width == 0) return;
  const std::int64_t plane = view.stride[0], row = view.stride[1], least = (rows - 1) * row + width;
  if (plane < least && (plane < width || row < (planes - 1) * plane + width))
    throw_invalid(name, "a plane stride of at least " + std::to_string(least), std::to_string(plane));
}

}  // namespace

std::int64_t element_bytes(DType dtype) { return dtype == DType::f32 ? 4 : 8; }

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
  if (!span_bytes(view, &bytes)) throw_invalid(name, "an array within the address space", describe_strides(view));
  if (rank > 2) check_planes(name, view);
  const std::int64_t alignment = element_bytes(view.dtype);
  const auto past =
      static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(view.data) % static_cast<std::uintptr_t>(alignment));
  if (past != 0)
    throw_invalid(name, "an address that is a multiple of " + std::to_string(alignment),
                  std::to_string(past) + " bytes past a multiple");
}

}  // namespace scorematch
