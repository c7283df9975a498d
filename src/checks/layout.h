// The memory layout of a view: strides, extent and address.
#pragma once
#include <cstdint>

#include "scorematch/view.h"

namespace scorematch {

std::int64_t element_bytes(DType dtype);

/// From the first element to the end of the last. False if that is 2^63 or more, or beyond the last address.
bool span_bytes(const ConstView& view, std::int64_t* bytes);

/// @throws Error if rows overlap, the array ends beyond the last address, or elements are misaligned.
/// @param view of a valid rank
void check_layout(const char* name, const ConstView& view);

}  // namespace scorematch
