#pragma once
#include <cstdint>

namespace scorematch::bench {

/// `rounds` rounds of dependent chains, enough of them to keep all units busy; returns the FLOP done.
double multiply_and_add(std::int64_t rounds);

/// The same for pairs of bfloat16, if cpu::has_bf16_products().
double multiply_and_add_bf16(std::int64_t rounds);

}  // namespace scorematch::bench
