// The compute types float and bf16 in memory; arithmetic is in float. load4 and store4 move four elements in one
// access, and pointers must be aligned to that access.
#pragma once
#include "device/ptx.cuh"

namespace scorematch {
namespace kernels {

template <class T>
SCOREMATCH_DEVICE T from_float(float x);
template <>
SCOREMATCH_DEVICE float from_float<float>(float x) {
  return x;
}
template <>
SCOREMATCH_DEVICE bf16 from_float<bf16>(float x) {
  return ptx::to_bf16(x);
}

SCOREMATCH_DEVICE void load4(const float* p, float (&values)[4]) {
  const float4 four = *reinterpret_cast<const float4*>(p);
  values[0] = four.x;
  values[1] = four.y;
  values[2] = four.z;
  values[3] = four.w;
}
SCOREMATCH_DEVICE void load4(const bf16* p, float (&values)[4]) {
  const uint2 pairs = *reinterpret_cast<const uint2*>(p);
  values[0] = __uint_as_float(pairs.x << 16);
  values[1] = __uint_as_float(pairs.x & 0xFFFF0000u);
  values[2] = __uint_as_float(pairs.y << 16);
  values[3] = __uint_as_float(pairs.y & 0xFFFF0000u);
}

SCOREMATCH_DEVICE void store4(float* p, const float (&values)[4]) {
  *reinterpret_cast<float4*>(p) = make_float4(values[0], values[1], values[2], values[3]);
}
SCOREMATCH_DEVICE void store4(bf16* p, const float (&values)[4]) {
  *reinterpret_cast<uint2*>(p) = make_uint2(ptx::pack_bf16(values[0], values[1]), ptx::pack_bf16(values[2], values[3]));
}

}  // namespace kernels
}  // namespace scorematch
