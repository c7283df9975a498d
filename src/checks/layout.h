// How a view lies in memory: strides, extent and address.
#pragma once
#include <cstdint>

#include "scorematch/view.h"

namespace scorematch {

std::int64_t element_bytes(DType dtype);

/// From the first element to past the last. False where it is 2^63 or more, or past the last address.
bool span_bytes(const ConstView& view, std::int64_t* bytes);

/// @throws Error unless rows are apart, nothing is past the last address, and elements are aligned. The rank is good
/// already.
void check_layout(const char* name, const ConstView& view);

}  // namespace scorematch
