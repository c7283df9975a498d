#include "checks/argument.h"

#include <charconv>

#include "scorematch/error.h"

namespace scorematch {

void throw_invalid(const std::string& argument, const std::string& expected, const std::string& got) {
  throw Error(ErrorCode::invalid_argument, argument, argument + ": expected " + expected + ", got " + got);
}

std::string describe(DType dtype) {
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

std::string describe(const Shape& shape) {
  if (shape.rank < 0 || shape.rank > 3) return "a shape of " + std::to_string(shape.rank) + " extents";
  std::string text = "[";
  for (int axis = 0; axis < shape.rank; ++axis) text += (axis > 0 ? ", " : "") + std::to_string(shape.extent[axis]);
  return text + "]";
}

std::string describe(const ConstView& view) {
  if (view.empty()) return "nothing";
  return describe(view.shape) + " " + describe(view.dtype);
}

std::string describe(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return std::string(text, end);
}

}  // namespace scorematch
