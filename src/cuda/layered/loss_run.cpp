#include "cuda/layered/loss_run.h"

#include "cuda/call_params.h"
#include "cuda/runtime/status.h"
#include "model/network.h"

namespace scorematch::cuda {

LossWorkspace::LossWorkspace(const LossProblem& problem, const JetParts& parts, bool sliced_sum, DeviceArena arena)
    : LayeredWorkspace(problem.net, parts, arena), loss(arena.take<float>(static_cast<std::size_t>(net.rows))) {
  if (parts.gradient) {
    const std::int64_t count = net.padded.weight_count() + net.padded.bias_count();
    gradients.weights = arena.take<float>(static_cast<std::size_t>(count));
    gradients.biases = gradients.weights + net.padded.weight_count();
    gradient_bytes = static_cast<std::size_t>(count) * sizeof(float);
    if (sliced_sum)
      grad_score =
          arena.take<float>(static_cast<std::size_t>(net.rows) * static_cast<std::size_t>(net.padded.last().out));
  }
  bytes = arena.used();
}

void LossCall::start() const {
  workspace.pack(in.params, stream);
  if (gradient)
    check(cudaMemsetAsync(workspace.gradients.weights, 0, workspace.gradient_bytes, stream), "clearing the gradient");
}

void LossCall::store_gradient() const {
  if (out.grad.empty()) return;
  check_launch(kernels::launch_unpack(workspace.gradients.weights, workspace.gradients.biases,
                                      problem.net.padded.table(), reduction.accumulate, floats(out.grad), stream),
               "unpack");
}

kernels::BatchParams LossCall::batch_params() const {
  const MlpShape& net = problem.spec.net;
  kernels::BatchParams p = cuda::batch_params(in, problem.spec.loss, problem.levels, net.dim, net.parameterization);
  p.context = context_source(in.batch, net.context, problem.spec.loss.context_dropout);
  return p;
}

void LossCall::perturb(const Chunk& chunk, double point) const {
  kernels::PerturbParams p;
  static_cast<kernels::BatchParams&>(p) = batch_params();
  p.features = problem.net.features.get();
  p.point = static_cast<float>(point);
  workspace.fill_value(p, chunk, stream);
}

void LossCall::draw_directions(const Chunk& chunk, const Channels& channels, int first) const {
  kernels::DirectionsParams p;
  p.source = directions_of(problem.needs, in);
  p.noise = translated(in.batch.noise);
  workspace.fill_tangents(p, has_row_values(), chunk, channels, first, stream);
}

kernels::HeadParams LossCall::head_of(const Chunk& chunk, const Term& term, bool is_further) const {
  kernels::HeadParams p;
  static_cast<kernels::BatchParams&>(p) = batch_params();
  p.weighting = problem.spec.loss.weighting;
  p.grad_factor = grad_factor_of(reduction, batch);
  p.batch = chunk.samples, p.rows = chunk.rows, p.first = chunk.first;
  p.sigma_rows = workspace.sigma;
  p.direction_values = has_row_values() ? workspace.direction_values : nullptr;
  p.term = kernel_term(term, problem.spec.net.parameterization);
  p.add_loss = is_further;
  p.loss = workspace.loss;
  p.grad_x = row_of(out.grad_x, chunk.first), p.grad_x_stride = out.grad_x.stride[0];
  return p;
}

void LossCall::store_input_gradients(const Chunk& chunk, bool is_further) const {
  if (!out.grad_x.empty()) add_input_gradient(chunk);
  if (!out.grad_context.empty()) store_context_gradient(chunk, is_further);
}

void LossCall::add_input_gradient(const Chunk& chunk) const {
  kernels::InputGradientParams p;
  p.dim = problem.spec.net.dim;
  p.batch = chunk.samples;
  p.sigma = workspace.sigma;
  p.parameterization = problem.spec.net.parameterization;
  p.grad_input = workspace.jet.grad_input(), p.grad_input_stride = problem.net.padded.first().in;
  p.grad_x = row_of(out.grad_x, chunk.first), p.grad_x_stride = out.grad_x.stride[0];
  check_launch(kernels::launch_input_gradient(p, problem.net.element, stream), "input_gradient");
}

void LossCall::store_context_gradient(const Chunk& chunk, bool is_further) const {
  kernels::ContextGradientParams p;
  p.context = context_source(in.batch, problem.spec.net.context, problem.spec.loss.context_dropout);
  p.data = data_rows(in.batch);
  p.noise = translated(in.batch.noise);
  p.batch = chunk.samples, p.first = chunk.first;
  p.grad_input = workspace.jet.grad_input(), p.grad_input_stride = problem.net.padded.first().in;
  p.first_column = problem.spec.net.dim + problem.net.features.get().count;
  p.add = is_further;
  p.grad_context = row_of(out.grad_context, chunk.first), p.grad_context_stride = out.grad_context.stride[0];
  check_launch(kernels::launch_context_gradient(p, problem.net.element, stream), "context_gradient");
}

void LossCall::store_loss(const Chunk& chunk) const {
  if (out.loss == nullptr && out.loss_per_sample.empty()) return;
  const bool merge = reduction.accumulate || chunk.first > 0;
  check_launch(kernels::launch_estimate(workspace.loss, chunk.samples, merge,
                                        reinterpret_cast<kernels::EstimateRecord*>(out.loss.data),
                                        at(out.loss_per_sample, chunk.first), stream),
               "estimate");
}

}  // namespace scorematch::cuda
