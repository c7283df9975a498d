// Loss and gradients of a batch, layer by layer: for each chunk and each term of the objective the prologue, the jet,
// the head, and back; groups of directions one after the other over the same samples, so that memory does not grow with
// their number.
#include <vector>

#include "batch.h"
#include "cuda/call_params.h"
#include "cuda/layered_net.h"
#include "cuda/status.h"
#include "terms.h"

namespace scorematch::cuda {
namespace {

/// What a plan knows.
struct LossProblem {
  LossProblem(const LossSpec& spec_, const Context& context)
      : spec(spec_),
        terms(terms_of(spec_.loss.objective)),
        needs(needs_of(spec_.loss.objective)),
        directions(needs.trace ? spec_.net.dim : needs.projections),
        net(spec_.net, spec_.compute.precision, spec_.max_batch, directions, context) {
    for (std::int64_t rung = kLeastRows; rung <= net.rows; rung *= 2) {
      if (directions == 0) Jet::prepare(net.padded, {rung, 0, 1}, true, net.gemms);
      for_each_group(directions, [&](int first, int count) {
        if (first > kMostTangents && first + 2 * kMostTangents < directions) return;  // as the group before
        Jet::prepare(net.padded, forward_slots(rung, first, count), true, net.gemms);
        Jet::prepare(net.padded, backward_slots(rung, first, count), true, net.gemms);
      });
    }
  }

  /// The value goes forward with the first group of directions, and back with the last.
  Slots forward_slots(std::int64_t chunk, int first, int count) const { return {chunk, first == 0 ? 0 : 1, 1 + count}; }
  Slots backward_slots(std::int64_t chunk, int first, int count) const {
    return {chunk, first + count == directions ? 0 : 1, 1 + count};
  }

  LossSpec spec;
  std::vector<Term> terms;
  Needs needs;
  int directions;
  LayeredNet net;
};

/// The workspace: with what every layered program has, 4 bytes a padded parameter's gradient and 4 a row's loss.
struct LossWorkspace : LayeredWorkspace {
  LossWorkspace(const LossProblem& problem, bool gradient, DeviceArena arena)
      : LayeredWorkspace(problem.net, gradient, arena), loss(arena.take<float>(static_cast<std::size_t>(net.rows))) {
    if (gradient) {
      const std::int64_t count = net.padded.weight_count() + net.padded.bias_count();
      gradients.weights = arena.take<float>(static_cast<std::size_t>(count));
      gradients.biases = gradients.weights + net.padded.weight_count();
      gradient_bytes = static_cast<std::size_t>(count) * sizeof(float);
      if (problem.terms[0].sliced_square)
        score_bar =
            arena.take<float>(static_cast<std::size_t>(net.rows) * static_cast<std::size_t>(net.padded.last().out));
    }
    bytes = arena.used();
  }

  float* loss;
  Gradients gradients;
  std::size_t gradient_bytes = 0;
  float* score_bar = nullptr;  // SSM's sum over directions
  std::size_t bytes = 0;
};

class LossRun {
 public:
  LossRun(const LossProblem& problem, Queue::Impl& queue, const LossPlan::In& in, const LossPlan::Out& out,
          std::int64_t batch, const Reduction& reduction)
      : problem_(problem),
        stream_(queue.stream),
        in_(in),
        out_(out),
        batch_(batch),
        reduction_(reduction),
        gradient_(!out.grad.empty() || !out.grad_x.empty()),
        workspace_(problem, gradient_, DeviceArena(queue.workspace)) {}

  void run() {
    workspace_.pack(in_.params, stream_);
    if (gradient_)
      check(cudaMemsetAsync(workspace_.gradients.weights, 0, workspace_.gradient_bytes, stream_),
            "clearing the gradient");
    for_each_chunk(batch_, problem_.net.rows, [&](const Chunk& chunk) {
      for (const Term& term : problem_.terms) run_term(chunk, term, &term != problem_.terms.data());
      store_loss(chunk);
    });
    if (!out_.grad.empty())
      check_launch(
          kernels::launch_unpack(workspace_.gradients.weights, workspace_.gradients.biases, problem_.net.padded.table(),
                                 reduction_.accumulate, floats(out_.grad), stream_),
          "unpack");
  }

 private:
  void run_term(const Chunk& chunk, const Term& term, bool is_further) {
    perturb(chunk, term.point);
    if (problem_.directions == 0) {
      const Slots slots{chunk.rows, 0, 1};
      workspace_.jet.forward(workspace_.parameters(), slots, stream_);
      head(chunk, term, is_further, slots, 0);
      if (gradient_) backward(slots, false);
    }
    for_each_group(problem_.directions, [&](int first, int count) {
      const Slots slots = problem_.forward_slots(chunk.rows, first, count);
      draw_directions(chunk, slots, first);
      workspace_.jet.forward(workspace_.parameters(), slots, stream_);
      head(chunk, term, is_further, slots, first);
      if (gradient_) backward(problem_.backward_slots(chunk.rows, first, count), first > 0);
    });
    if (!out_.grad_x.empty()) add_input_gradient(chunk);
  }

  /// Whether normals are scaled to the sphere, which takes a row's sum.
  bool has_scale() const {
    return !problem_.needs.trace && in_.directions.empty() && problem_.needs.law == Projection::sphere;
  }

  void perturb(const Chunk& chunk, double point) const {
    kernels::PerturbParams p = perturb_params(problem_.spec, problem_.net.features, in_);
    p.point = static_cast<float>(point);
    workspace_.fill_value(p, chunk, stream_);
  }

  void draw_directions(const Chunk& chunk, const Slots& slots, int first) const {
    kernels::DirectionsParams p;
    p.source = directions_of(problem_.needs, in_);
    p.noise = translated(in_.noise);
    workspace_.fill_tangents(p, has_scale(), chunk, slots, first, stream_);
  }

  void head(const Chunk& chunk, const Term& term, bool is_further, const Slots& slots, int first) const {
    const int width = problem_.net.padded.last().out, count = slots.tangents();
    const std::int64_t plane = chunk.rows * width;
    kernels::HeadParams p = head_params(problem_.spec, in_, grad_factor_of(reduction_, batch_));
    p.batch = chunk.samples, p.rows = chunk.rows, p.first = chunk.first;
    p.output = workspace_.jet.output(slots, 0), p.output_stride = width;
    if (count > 0) p.jvp = workspace_.jet.output(slots, 1), p.jvp_plane = plane, p.jvp_stride = width;
    p.sigma_rows = workspace_.sigma;
    p.direction_scale = has_scale() ? workspace_.direction_scale : nullptr;
    p.first_direction = first, p.count = count, p.share = static_cast<float>(term.share);
    p.term = translated(term);
    p.first_group = first == 0, p.last_group = first + count == problem_.directions;
    p.add_loss = is_further;
    p.loss = workspace_.loss;
    p.bar_columns = width;
    if (gradient_) {
      p.output_bar = workspace_.jet.output_bar(slots, 0), p.output_bar_stride = width;
      if (count > 0) p.jvp_bar = workspace_.jet.output_bar(slots, 1), p.jvp_bar_plane = plane, p.jvp_bar_stride = width;
      p.score_bar = workspace_.score_bar, p.score_bar_stride = width;
    }
    p.grad_x = row_of(out_.grad_x, chunk.first), p.grad_x_stride = out_.grad_x.stride[0];
    check_launch(kernels::launch_head(p, problem_.net.element, stream_), "head");
  }

  void backward(const Slots& slots, bool has_curvature) const {
    workspace_.jet.backward(workspace_.parameters(), workspace_.gradients, slots, has_curvature, !out_.grad_x.empty(),
                            stream_);
  }

  void add_input_gradient(const Chunk& chunk) const {
    kernels::InputGradientParams p;
    p.dim = problem_.spec.net.dim;
    p.batch = chunk.samples;
    p.sigma = workspace_.sigma;
    p.parameterization = translated(problem_.spec.net.parameterization);
    p.input_bar = workspace_.jet.input_bar(), p.input_bar_stride = problem_.net.padded.first().in;
    p.grad_x = row_of(out_.grad_x, chunk.first), p.grad_x_stride = out_.grad_x.stride[0];
    check_launch(kernels::launch_input_gradient(p, problem_.net.element, stream_), "input_gradient");
  }

  void store_loss(const Chunk& chunk) const {
    if (out_.loss == nullptr && out_.loss_per_sample.empty()) return;
    const bool merge = reduction_.accumulate || chunk.first > 0;
    check_launch(kernels::launch_estimate(workspace_.loss, chunk.samples, merge,
                                          reinterpret_cast<kernels::EstimateRecord*>(out_.loss),
                                          at(out_.loss_per_sample, chunk.first), stream_),
                 "estimate");
  }

  const LossProblem& problem_;
  cudaStream_t stream_;
  const LossPlan::In& in_;
  const LossPlan::Out& out_;
  std::int64_t batch_;
  const Reduction& reduction_;
  bool gradient_;
  LossWorkspace workspace_;
};

class CudaLoss final : public LossProgram {
 public:
  CudaLoss(const LossSpec& spec, const Context& context) : problem_(spec, context), device_(context.device) {}

  std::size_t workspace_bytes() const override { return LossWorkspace(problem_, true, DeviceArena()).bytes; }
  PlanReport report(std::int64_t batch) const override { return problem_.net.report(launches(batch)); }

  void run(Queue::Impl& queue, const LossPlan::In& in, const LossPlan::Out& out, std::int64_t batch,
           const Reduction& reduction) const override {
    check_noise_offset(in.noise, batch);
    const UseDevice use(device_.index);
    LossRun(problem_, queue, in, out, batch, reduction).run();
  }

 private:
  /// With both gradients' outputs empty but the parameters', and without the input's gradient.
  int launches(std::int64_t batch) const {
    const int layers = static_cast<int>(problem_.net.padded.hidden().size());
    int groups = 0;
    for_each_group(problem_.directions, [&](int, int) { ++groups; });
    // A jet forward: two a layer, and the output of value and tangents. Back: a layer's kernel, two products, and, of
    // the value, its bias; the output's alike.
    const int forward = groups == 0 ? 2 * layers + 1 : groups * (2 * layers + 1) + 1;
    const int backward = groups == 0 ? 4 * layers + 3 : groups * (3 * layers + 1) + layers + 2;
    const int around = groups == 0 ? 2 : 1 + 2 * groups;
    return 3 +
           problem_.net.chunks(batch) * (1 + static_cast<int>(problem_.terms.size()) * (forward + backward + around));
  }

  LossProblem problem_;
  const Device& device_;
};

}  // namespace

std::unique_ptr<LossProgram> make_layered_loss(const LossSpec& spec, const Context& context) {
  return std::make_unique<CudaLoss>(spec, context);
}

}  // namespace scorematch::cuda
