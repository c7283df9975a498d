/// @file
/// The instruction sets that the CPU engine is compiled for. Include this before any hwy header.
///
/// Highway's static fallback always remains (scalar under g++ 12), so the engine runs on any x86-64 and on any other
/// architecture. SSE4, AVX2, AVX3 (AVX-512) or NEON are chosen at run time. Any other target would cost compile time
/// and gain nothing here. This includes the targets above AVX3, which have the lower bits.
#pragma once

#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | (HWY_AVX3 - 1) | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV | HWY_PPC8)
