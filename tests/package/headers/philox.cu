// Calls every function of philox.h, the one public header for device code, in a kernel.
#include "scorematch/philox.h"

namespace philox = scorematch::philox;

__global__ void draw_kernel(std::uint64_t seed, std::uint64_t rows, float* uniforms, float* signs,
                            std::uint64_t* indices) {
  const std::uint32_t sample = blockIdx.x * blockDim.x + threadIdx.x;
  const philox::Block eps = philox::philox4x32_10(philox::counter(philox::Purpose::eps, 1, sample, 0), seed);
  const philox::Block step = philox::philox4x32_10(philox::sampler_counter(3, 1, sample, 0), seed);
  uniforms[sample] = philox::uniform(eps.word[0]);
  signs[sample] = philox::sign(step, 5);
  indices[sample] = philox::index(eps, rows);
}
