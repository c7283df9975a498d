// One launch of a single warp for each instruction of kernels/device/ptx.cuh; results are stored per lane.
#pragma once
#include <cstdint>

struct CUstream_st;

namespace scorematch {
namespace kernels {

constexpr int kWarp = 32;

/// For 32 floats: to_bf16, pack_bf16 of lane and lane ^ 1, to_tf32.
struct ConvertCase {
  const float* in;
  std::uint16_t* bf16;
  std::uint32_t *pair, *tf32;
};
int launch_convert(const ConvertCase& c, CUstream_st* stream);

/// Lane i copies the first i % 17 of its 16 bytes to shared memory, in two groups.
struct CopyCase {
  const unsigned char* in;  // [32, 16]
  unsigned char* out;       // [32, 16]
};
int launch_copy(const CopyCase& c, CUstream_st* stream);

/// Four 8x8 matrices: their fragments, plain and transposed.
struct FragmentCase {
  const std::uint16_t* in;             // [4, 8, 8]
  std::uint32_t *two, *four, *turned;  // [32, 2], [32, 4], [32, 4]
};
int launch_fragments(const FragmentCase& c, CUstream_st* stream);

/// d = c + a b; in bf16 (k = 16) or tf32 (k = 8).
struct MmaCase {
  const float *a, *b, *c;  // [16, k], [k, 8], [16, 8]
  float* d;                // [16, 8]
  bool bf16;
};
int launch_mma(const MmaCase& c, CUstream_st* stream);

/// For 32 floats: tanh, 2^x, 1/x, log2 |x|, square root of |x|, sine and cosine of the special function unit.
struct ApproximationCase {
  const float* in;
  float *tanh, *ex2, *rcp, *lg2, *sqrt, *sin, *cos;
};
int launch_approximations(const ApproximationCase& c, CUstream_st* stream);

/// Each lane adds (1, lane), then (2, 3 lane), to sums [32, 2].
int launch_add_pairs(float* sums, CUstream_st* stream);

}  // namespace kernels
}  // namespace scorematch
