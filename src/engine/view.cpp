#include "scorematch/view.h"

#include <limits>
#include <string>

#include "checks/argument.h"
#include "scorematch/error.h"

namespace scorematch {
namespace {

/// Last axis first, so that the products that become strides are checked too. Shape is a public struct with any values.
std::int64_t checked_product(const Shape& shape) {
  if (shape.rank < 0 || shape.rank > 3) throw_invalid("shape", "at most 3 extents", std::to_string(shape.rank));
  std::int64_t count = 1;
  for (int axis = shape.rank - 1; axis >= 0; --axis) {
    if (shape.extent[axis] < 0) throw_invalid("shape", "extents of at least 0", std::to_string(shape.extent[axis]));
    if (__builtin_mul_overflow(count, shape.extent[axis], &count))
      throw_invalid("shape", "a product of extents below 2^63", describe(shape));
  }
  return count;
}

template <class AnyView, class Element>
void make_dense(AnyView& view, Element* data, const Shape& shape, DType dtype) {
  checked_product(shape);
  view.data = data;
  view.dtype = dtype;
  view.shape = shape;
  std::int64_t stride = 1;
  for (int axis = shape.rank - 1; axis >= 0; --axis) {
    view.stride[axis] = stride;
    stride *= shape.extent[axis];
  }
}

std::int64_t element_bytes(DType dtype) { return dtype == DType::f32 ? 4 : 8; }

template <class AnyView>
AnyView samples_of(AnyView view, std::int64_t first, std::int64_t count) {
  if (view.empty() || view.shape.rank == 0) throw_invalid("samples", "a view that is not empty", "an empty one");
  const int axis = view.shape.rank == 3 ? 1 : 0;
  const std::int64_t extent = view.shape.extent[axis];
  if (first < 0 || count < 0 || first > extent || count > extent - first)
    throw_invalid("samples", "a range within [0, " + std::to_string(extent) + ")",
                  "[" + std::to_string(first) + ", " + std::to_string(first) + " + " + std::to_string(count) + ")");
  std::int64_t offset = 0;  // bytes
  if (__builtin_mul_overflow(first, view.stride[axis], &offset) ||
      __builtin_mul_overflow(offset, element_bytes(view.dtype), &offset))
    throw_invalid("samples", "a stride within the address space", std::to_string(view.stride[axis]));
  using Byte = std::conditional_t<std::is_const_v<std::remove_pointer_t<decltype(view.data)>>, const char, char>;
  view.data = static_cast<Byte*>(view.data) + offset;
  view.shape.extent[axis] = count;
  return view;
}

template <class AnyView>
AnyView with_stride(AnyView view, std::int64_t elements) {
  if (view.shape.rank != 2 && view.shape.rank != 3)
    throw_invalid("with_row_stride", "a view of two or three axes", describe(view.shape));
  const std::int64_t width = view.shape.extent[view.shape.rank - 1];
  if (elements < width) throw_invalid("with_row_stride", "at least " + std::to_string(width), std::to_string(elements));
  view.stride[view.shape.rank - 2] = elements;
  if (view.shape.rank == 3 && __builtin_mul_overflow(elements, view.shape.extent[1], &view.stride[0]))
    throw_invalid("with_row_stride", "planes less than 2^63 elements apart",
                  std::to_string(view.shape.extent[1]) + " rows of " + std::to_string(elements));
  return view;
}

}  // namespace

Shape::Shape(std::initializer_list<std::int64_t> extents) {
  if (extents.size() > 3) throw_invalid("shape", "at most 3 extents", std::to_string(extents.size()));
  for (const std::int64_t each : extents) {
    if (each < 0) throw_invalid("shape", "extents of at least 0", std::to_string(each));
    extent[rank++] = each;
  }
}

std::int64_t Shape::count() const { return rank == 0 ? 0 : checked_product(*this); }

ConstView::ConstView(const float* data_, const Shape& shape_) { make_dense(*this, data_, shape_, DType::f32); }
ConstView::ConstView(const double* data_, const Shape& shape_) { make_dense(*this, data_, shape_, DType::f64); }
ConstView::ConstView(const std::int64_t* data_, const Shape& shape_) { make_dense(*this, data_, shape_, DType::i64); }
ConstView ConstView::samples(std::int64_t first, std::int64_t count) const { return samples_of(*this, first, count); }
ConstView ConstView::with_row_stride(std::int64_t elements) const { return with_stride(*this, elements); }

View::View(float* data_, const Shape& shape_) { make_dense(*this, data_, shape_, DType::f32); }
View::View(double* data_, const Shape& shape_) { make_dense(*this, data_, shape_, DType::f64); }
View::View(std::int64_t* data_, const Shape& shape_) { make_dense(*this, data_, shape_, DType::i64); }
View View::samples(std::int64_t first, std::int64_t count) const { return samples_of(*this, first, count); }
View View::with_row_stride(std::int64_t elements) const { return with_stride(*this, elements); }

View::operator ConstView() const noexcept {
  ConstView view;
  view.data = data;
  view.dtype = dtype;
  view.shape = shape;
  for (int axis = 0; axis < 3; ++axis) view.stride[axis] = stride[axis];
  return view;
}

}  // namespace scorematch
