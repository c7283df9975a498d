// Adam, a sampler's step, a likelihood's last one, an estimate, and a noise's next step.
#include "cuda/programs.h"
#include "cuda/status.h"
#include "cuda/translate.h"

namespace scorematch::cuda {

void advance(const Device& device, Queue::Impl& queue, NoiseState::Position* position) {
  const UseDevice use(device.index);
  check_launch(kernels::launch_advance(reinterpret_cast<kernels::NoisePosition*>(position), queue.stream), "advance");
}

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
  const UseDevice use(device.index);
  check_launch(kernels::launch_adam(p, queue.stream), "adam");
}

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
  const UseDevice use(device.index);
  check_launch(kernels::launch_sampler_update(p, queue.stream), "sampler_update");
}

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
  const UseDevice use(device.index);
  check_launch(kernels::launch_metropolis(p, queue.stream), "metropolis");
}

void add_gaussian(const Device& device, Queue::Impl& queue, const GaussianTerm& term) {
  kernels::GaussianParams p;
  p.batch = term.x.shape.extent[0];
  p.dim = static_cast<int>(term.x.shape.extent[1]);
  p.out = floats(term.out), p.value = floats(term.value), p.x = floats(term.x);
  p.precision = static_cast<float>(term.precision), p.constant = static_cast<float>(term.constant);
  const UseDevice use(device.index);
  check_launch(kernels::launch_add_gaussian(p, queue.stream), "add_gaussian");
}

void estimate(const Device& device, Queue::Impl& queue, const ConstView& values, Estimate* estimate) {
  const UseDevice use(device.index);
  check_launch(kernels::launch_estimate(floats(values), values.shape.extent[0], false,
                                        reinterpret_cast<kernels::EstimateRecord*>(estimate), nullptr, queue.stream),
               "estimate");
}

}  // namespace scorematch::cuda
