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
      score_bar =
          arena.take<float>(static_cast<std::size_t>(net.rows) * static_cast<std::size_t>(net.padded.last().out));
  }
  bytes = arena.used();
}

LossRun::LossRun(const LossProblem& problem, Queue::Impl& queue, const LossIn& in, const LossOut& out,
                 std::int64_t batch, const Reduction& reduction, const LossWorkspace& workspace)
    : problem_(problem),
      stream_(queue.stream),
      in_(in),
      out_(out),
      batch_(batch),
      reduction_(reduction),
      gradient_(wants_gradient(out)),
      workspace_(workspace) {}

void LossRun::run() {
  workspace_.pack(in_.params, stream_);
  if (gradient_)
    check(cudaMemsetAsync(workspace_.gradients.weights, 0, workspace_.gradient_bytes, stream_),
          "clearing the gradient");
  for_each_chunk(batch_, problem_.net.rows, [&](const Chunk& chunk) {
    for (const Term& term : problem_.terms) run_term(chunk, term, &term != problem_.terms.data());
    store_loss(chunk);
  });
  if (!out_.grad.empty())
    check_launch(kernels::launch_unpack(workspace_.gradients.weights, workspace_.gradients.biases,
                                        problem_.net.padded.table(), reduction_.accumulate, floats(out_.grad), stream_),
                 "unpack");
}

void LossRun::perturb(const Chunk& chunk, double point) const {
  kernels::PerturbParams p = perturb_params(problem_.spec, problem_.net.features, in_);
  p.point = static_cast<float>(point);
  workspace_.fill_value(p, chunk, stream_);
}

void LossRun::draw_directions(const Chunk& chunk, const Slots& slots, int first) const {
  kernels::DirectionsParams p;
  p.source = directions_of(problem_.needs, in_);
  p.noise = translated(in_.batch.noise);
  workspace_.fill_tangents(p, has_scale(), chunk, slots, first, stream_);
}

kernels::HeadParams LossRun::head_of(const Chunk& chunk, const Term& term, bool is_further) const {
  kernels::HeadParams p = head_params(problem_.spec, in_, grad_factor_of(reduction_, batch_));
  p.batch = chunk.samples, p.rows = chunk.rows, p.first = chunk.first;
  p.sigma_rows = workspace_.sigma;
  p.direction_scale = has_scale() ? workspace_.direction_scale : nullptr;
  p.share = static_cast<float>(term.share);
  p.term = translated(term);
  p.add_loss = is_further;
  p.loss = workspace_.loss;
  p.grad_x = row_of(out_.grad_x, chunk.first), p.grad_x_stride = out_.grad_x.stride[0];
  return p;
}

void LossRun::add_input_gradient(const Chunk& chunk) const {
  kernels::InputGradientParams p;
  p.dim = problem_.spec.net.dim;
  p.batch = chunk.samples;
  p.sigma = workspace_.sigma;
  p.parameterization = translated(problem_.spec.net.parameterization);
  p.input_bar = workspace_.jet.input_bar(), p.input_bar_stride = problem_.net.padded.first().in;
  p.grad_x = row_of(out_.grad_x, chunk.first), p.grad_x_stride = out_.grad_x.stride[0];
  check_launch(kernels::launch_input_gradient(p, problem_.net.element, stream_), "input_gradient");
}

void LossRun::store_loss(const Chunk& chunk) const {
  if (out_.loss == nullptr && out_.loss_per_sample.empty()) return;
  const bool merge = reduction_.accumulate || chunk.first > 0;
  check_launch(kernels::launch_estimate(workspace_.loss, chunk.samples, merge,
                                        reinterpret_cast<kernels::EstimateRecord*>(out_.loss),
                                        at(out_.loss_per_sample, chunk.first), stream_),
               "estimate");
}

}  // namespace scorematch::cuda
