// What the GPU does at best, measured in the run that times the jobs: the floor they are held to.
#pragma once
#include <cstdint>

#include "scorematch/engine.h"

namespace scorematch::bench {

/// Bytes read and written per second by copying `bytes` on the device.
double measure_device_copy(std::int64_t bytes);

/// The product that is timed: [8192, 8192] by [8192, 8192].

/// Multiplications and additions per second of that product by cuBLASLt, of normal random numbers, as a processor
/// clocks higher on zeros.
/// @throws Error unsupported, where cuBLASLt has no such product
double measure_device_products(Precision precision);

}  // namespace scorematch::bench
