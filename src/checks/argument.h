// Refuses bad arguments: every message names the argument, what was expected and what was got.
#pragma once
#include <string>

#include "scorematch/view.h"

namespace scorematch {

/// @throws Error invalid_argument, "argument: expected ..., got ..."
[[noreturn]] void throw_invalid(const std::string& argument, const std::string& expected, const std::string& got);

std::string describe(DType dtype);            // "float32"
std::string describe(const Shape& shape);     // "[128, 63]"
std::string describe(const ConstView& view);  // "[128, 63] float32"
std::string describe(double value);           // the shortest text that reads back as this value

}  // namespace scorematch
