/// @file
/// Which instruction sets the CPU engine is compiled for. Include before any hwy header.
///
/// Highway's static fallback always remains (scalar under g++ 12), so any x86-64 and any other architecture runs; SSE4,
/// AVX2, AVX3 (AVX-512) or NEON are chosen at run time. Every further target costs compile time and buys nothing here:
/// nor do those above AVX3, which have the lower bits.
#pragma once

#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | (HWY_AVX3 - 1) | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV | HWY_PPC8)
