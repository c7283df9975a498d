// One update of a sampler.
#include "cuda/programs.h"
#include "cuda/runtime/status.h"
#include "cuda/translate.h"

namespace scorematch::cuda {

void sampler_update(const Device& device, Queue::Impl& queue, const SamplerUpdate& update) {
  kernels::SamplerParams p;
  p.batch = update.out.shape.extent[0];
  p.dim = static_cast<int>(update.out.shape.extent[1]);
  check_noise_offset(update.noise, p.batch);
  p.out = floats(update.out), p.out_stride = update.out.stride[0];
  p.x = floats(update.x), p.x_stride = update.x.stride[0];
  p.score = floats(update.score), p.second_score = floats(update.second_score);
  p.score_factor = static_cast<float>(update.score_factor);
  p.second_factor = static_cast<float>(update.second_factor);
  p.noise_factor = static_cast<float>(update.noise_factor);
  p.noise = translated(update.noise);
  p.initial = update.index == SamplerUpdate::kInitial;
  p.index = update.index;
  const UseDevice use(device);
  check_launch(kernels::launch_sampler_update(p, queue.stream), "sampler_update");
}

}  // namespace scorematch::cuda
