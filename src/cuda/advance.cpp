// Advances a noise position by one step.
#include "cuda/programs.h"
#include "cuda/runtime/status.h"
#include "cuda/translate.h"

namespace scorematch::cuda {

void advance(const Device& device, Queue::Impl& queue, NoiseState::Position* position) {
  const UseDevice use(device);
  check_launch(kernels::launch_advance(reinterpret_cast<kernels::NoisePosition*>(position), queue.stream), "advance");
}

}  // namespace scorematch::cuda
