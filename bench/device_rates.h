// The GPU's best rates, measured in the same run as the jobs. They determine the floors of the jobs.
#pragma once
#include <cstdint>

#include "scorematch/engine.h"

namespace scorematch::bench {

/// Bytes read and written per second when the device copies `bytes` bytes.
double measure_device_copy(std::int64_t bytes);

/// The timed product: [8192, 8192] by [8192, 8192].

/// Multiplications and additions per second of that product by cuBLASLt. The operands are normal random numbers,
/// because a processor clocks higher on zeros.
/// @throws Error unsupported if cuBLASLt has no such product
double measure_device_products(Precision precision);

}  // namespace scorematch::bench
