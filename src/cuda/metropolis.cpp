// One accept-or-reject step of a Metropolis-adjusted Langevin chain.
#include "cuda/programs.h"
#include "cuda/runtime/status.h"
#include "cuda/translate.h"

namespace scorematch::cuda {

void metropolis(const Device& device, Queue::Impl& queue, const MetropolisStep& step) {
  kernels::MetropolisParams p;
  p.batch = step.x.shape.extent[0];
  p.dim = static_cast<int>(step.x.shape.extent[1]);
  check_noise_offset(step.noise, p.batch);
  p.x = floats(step.x), p.score = floats(step.score);
  p.log_density = floats(step.log_density), p.accepted = floats(step.accepted);
  p.next_x = floats(step.next_x), p.next_score = floats(step.next_score);
  p.next_log_density = floats(step.next_log_density);
  p.step_size = step.step_size;
  p.noise = translated(step.noise);
  p.index = step.index;
  const UseDevice use(device);
  check_launch(kernels::launch_metropolis(p, queue.stream), "metropolis");
}

}  // namespace scorematch::cuda
