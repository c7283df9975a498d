// One step of Adam.
#include "cuda/programs.h"
#include "cuda/runtime/status.h"
#include "cuda/translate.h"

namespace scorematch::cuda {

void adam_step(const Device& device, Queue::Impl& queue, const AdamState& state, const Adam::Options& options,
               float* params, const float* grad, double loss_scale) {
  kernels::AdamParams p;
  p.options = {options.beta1,        options.beta2,         options.epsilon,
               options.weight_decay, options.max_grad_norm, options.ema_decay};
  p.loss_scale = loss_scale;
  p.count = state.count;
  p.params = params, p.grad = grad;
  p.first_moment = state.first_moment, p.second_moment = state.second_moment, p.ema = state.ema;
  p.progress = reinterpret_cast<kernels::AdamProgress*>(state.progress);
  p.scratch = state.scratch;
  p.ranges = reinterpret_cast<const kernels::AdamRange*>(state.ranges), p.range_count = state.range_count;
  const UseDevice use(device);
  check_launch(kernels::launch_adam(p, queue.stream), "adam");
}

}  // namespace scorematch::cuda
