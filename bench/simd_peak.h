#pragma once
#include <cstdint>

namespace scorematch::bench {

/// Runs `rounds` rounds of dependent chains, enough chains to keep all units busy. Returns the number of flops.
double multiply_and_add(std::int64_t rounds);

/// The same for pairs of bfloat16. Requires cpu::has_bf16_products().
double multiply_and_add_bf16(std::int64_t rounds);

}  // namespace scorematch::bench
