// The step of a sampler, x' = x + f1 s + f2 s2 + f3 z, and the advance of a noise position. Arrays are [batch, dim].
// One thread per group of four columns of a row, which one Philox counter yields. No shared memory. Bytes: 4 (1 +
// number of arrays given) batch dim. Elementwise; out may be x if their strides agree.
#include "device/launch.h"
#include "device/noise.cuh"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 8;  // per multiprocessor: the register budget, 32 per thread

/// sum += factor times a group of a row; a null array is zero.
SCOREMATCH_DEVICE void add4(const float* array, std::int64_t offset, int group, int dim, float factor,
                            float (&sum)[4]) {
  if (array == nullptr) return;
  float values[4];
  read4(array + offset, group, dim, values);
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) sum[i] = fmaf(factor, values[i], sum[i]);
}

__global__ void __launch_bounds__(kThreads, kResidentBlocks) sampler_update_kernel(SamplerParams p) {
  const int groups = group_count(p.dim);
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (i >= p.batch * groups) return;
  const std::int64_t row = i / groups;
  const int g = static_cast<int>(i % groups);
  float out[4] = {};
  add4(p.x, row * p.x_stride, g, p.dim, 1.0f, out);
  add4(p.score, row * p.dim, g, p.dim, p.score_factor, out);
  add4(p.second_score, row * p.dim, g, p.dim, p.second_factor, out);
  if (p.noise_factor != 0.0f) {
    const SampleNoise noise = sample_noise(p.noise, row);
    const auto group = static_cast<std::uint32_t>(g);
    float z[4];
    noise.normals4(p.initial ? noise.block(philox::Purpose::sampler_init, group)
                             : noise.sampler_block(static_cast<std::uint64_t>(p.index), group),
                   z);
    SCOREMATCH_UNROLL
    for (int k = 0; k < 4; ++k) out[k] = fmaf(p.noise_factor, z[k], out[k]);
  }
  write4(p.out + row * p.out_stride, g, p.dim, out);
}

__global__ void __launch_bounds__(1) advance_kernel(NoisePosition* position) { ++position->step; }

}  // namespace

int launch_sampler_update(const SamplerParams& params, CUstream_st* stream) {
  const std::int64_t groups = params.batch * ((params.dim + 3) / 4);
  return launch(sampler_update_kernel, {static_cast<unsigned>((groups + kThreads - 1) / kThreads), 1, kThreads, 0},
                stream, params);
}

int launch_advance(NoisePosition* position, CUstream_st* stream) {
  return launch(advance_kernel, {1, 1, 1, 0}, stream, position);
}

}  // namespace kernels
}  // namespace scorematch
