/// @file
/// Dense views as plain arrays, for code of others that knows no strides: scorematch/thrust.h, scorematch/curand.h.
#pragma once
#include <cstdint>
#include <string>
#include <type_traits>

#include "scorematch/error.h"
#include "scorematch/view.h"

namespace scorematch {

/// The elements of a view one after the other, view.shape.count() of them.
/// @tparam T float, double or std::int64_t; const for a ConstView
/// @param name of the argument, for the message
/// @throws Error invalid_argument if the view has another type, or gaps between its rows
template <class T, class AnyView>
T* dense_data(const char* name, const AnyView& view) {
  using Element = std::remove_const_t<T>;
  static_assert(
      std::is_same_v<Element, float> || std::is_same_v<Element, double> || std::is_same_v<Element, std::int64_t>,
      "views have elements of type float, double or std::int64_t");
  constexpr DType wanted = std::is_same_v<Element, float>    ? DType::f32
                           : std::is_same_v<Element, double> ? DType::f64
                                                             : DType::i64;
  const auto name_of = [](DType type) {
    return std::string(type == DType::f32 ? "float32" : type == DType::f64 ? "float64" : "int64");
  };
  const auto refuse = [&](const std::string& expected, const std::string& got) {
    throw Error(ErrorCode::invalid_argument, name, std::string(name) + ": expected " + expected + ", got " + got);
  };
  if (view.dtype != wanted) refuse(name_of(wanted), name_of(view.dtype));
  std::int64_t stride = 1;
  for (int axis = view.shape.rank - 1; axis >= 0; --axis) {
    if (view.shape.extent[axis] != 1 && view.shape.count() > 0 && view.stride[axis] != stride)
      refuse(
          "a stride of " + std::to_string(stride) + " elements along axis " + std::to_string(axis) + ", without gaps",
          std::to_string(view.stride[axis]));
    stride *= view.shape.extent[axis];
  }
  return static_cast<T*>(view.data);
}

}  // namespace scorematch
