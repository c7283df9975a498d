// The peak rates of the GPU, measured in the run that times the jobs: the basis of the floors.
#pragma once
#include <cstdint>

#include "scorematch/engine.h"

namespace scorematch::bench {

/// Bytes read and written per second by copying `bytes` on the device.
double measure_device_copy(std::int64_t bytes);

/// The product that is timed: [8192, 8192] by [8192, 8192].

/// Multiplications and additions per second of that product by cuBLASLt, with normal random numbers, because a
/// processor clocks higher on zeros.
/// @throws Error unsupported, if cuBLASLt has no such product
double measure_device_products(Precision precision);

}  // namespace scorematch::bench
