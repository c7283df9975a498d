// The head alone, for a caller's network.
#include "cuda/call_params.h"
#include "cuda/layered/chunks.h"
#include "cuda/programs.h"
#include "cuda/runtime/status.h"
#include "cuda/translate.h"
#include "engine/arena.h"
#include "model/network.h"
#include "model/objective_terms.h"

namespace scorematch::cuda {
namespace {

/// The workspace: the losses of a chunk and the values that the columns of its directions share.
struct HeadArrays {
  HeadArrays(std::int64_t rows, int directions, DeviceArena arena)
      : loss(arena.take<float>(static_cast<std::size_t>(rows))),
        direction_values(arena.take<float>(static_cast<std::size_t>(rows * directions))),
        bytes(arena.used()) {}
  float *loss, *direction_values;
  std::size_t bytes;
};

struct HeadCall {
  const HeadIn& in;
  const HeadOut& out;
  const HeadArrays& arrays;
  double grad_factor;
  cudaStream_t stream;
};

class CudaHead final : public HeadProgram {
 public:
  CudaHead(const HeadSpec& spec, const Context& context)
      : spec_(spec),
        term_(kernel_term(terms_of(spec.loss.objective)[0], spec.parameterization)),
        needs_(needs_of(spec.loss.objective)),
        device_(context.device),
        levels_(spec.loss.schedule, context.engine),
        rows_(std::min(kRows, spec.max_batch)) {}

  std::size_t workspace_bytes() const override { return arrays(nullptr).bytes; }

  void run(Queue::Impl& queue, const HeadIn& in, const HeadOut& out, std::int64_t batch,
           const Reduction& reduction) const override {
    check_noise_offset(in.batch.noise, batch);
    const UseDevice use(device_);
    const HeadArrays scratch = arrays(queue.workspace);
    const HeadCall call{in, out, scratch, grad_factor_of(reduction, batch), queue.stream};
    for (std::int64_t first = 0; first < batch; first += rows_) {
      const std::int64_t samples = std::min(rows_, batch - first);
      if (needs_.projections == 0) run_group(call, first, samples, 0, 0);
      for_each_group(needs_.projections,
                     [&](int direction, int count) { run_group(call, first, samples, direction, count); });
      if (out.loss == nullptr && out.loss_per_sample.empty()) continue;
      const bool merge = reduction.accumulate || first > 0;
      check_launch(kernels::launch_estimate(scratch.loss, samples, merge,
                                            reinterpret_cast<kernels::EstimateRecord*>(out.loss.data),
                                            at(out.loss_per_sample, first), queue.stream),
                   "estimate");
    }
  }

 private:
  static constexpr std::int64_t kRows = 65536;

  HeadArrays arrays(char* workspace) const {
    return {rows_, std::min(needs_.projections, kMostTangents), DeviceArena(workspace)};
  }
  bool has_row_values(const HeadIn& in) const {
    return needs_.projections > 0 && cuda::has_row_values(in.batch.directions, needs_.distribution);
  }

  void run_group(const HeadCall& call, std::int64_t first, std::int64_t samples, int direction, int count) const {
    if (has_row_values(call.in)) find_row_values(call, first, samples, direction, count);
    kernels::HeadParams p;
    static_cast<kernels::BatchParams&>(p) =
        batch_params(call.in, spec_.loss, levels_, spec_.dim, spec_.parameterization);
    p.grad_columns = spec_.dim;
    p.batch = p.rows = samples, p.first = first;
    p.output = floats(call.in.output) + first * call.in.output.stride[0], p.output_stride = call.in.output.stride[0];
    if (count > 0) set_directions(call, first, direction, count, p);
    if (needs_.trace) p.trace = floats(call.in.trace) + first, p.grad_trace = at(call.out.grad_trace, first);
    p.weighting = spec_.loss.weighting;
    p.term = term_;
    p.grad_factor = call.grad_factor;
    p.first_group = direction == 0, p.last_group = direction + count == needs_.projections;
    p.loss = call.arrays.loss;
    p.loss_per_direction = at(call.out.loss_per_direction, first);
    p.loss_per_direction_plane = call.out.loss_per_direction.stride[0];
    float* grad_output = row_of(call.out.grad_output, first);
    p.grad_output = p.grad_score = grad_output;
    p.grad_output_stride = p.grad_score_stride = call.out.grad_output.stride[0];
    check_launch(kernels::launch_head(p, kernels::Element::f32, call.stream), "head");
  }

  void set_directions(const HeadCall& call, std::int64_t first, int direction, int count,
                      kernels::HeadParams& p) const {
    const ConstView& jvp = call.in.jvp;
    p.jvp = floats(jvp) + direction * jvp.stride[0] + first * jvp.stride[1];
    p.jvp_plane = jvp.stride[0], p.jvp_stride = jvp.stride[1];
    p.direction_values = has_row_values(call.in) ? call.arrays.direction_values : nullptr;
    p.first_direction = direction, p.count = count;
    const View& grad = call.out.grad_jvp;
    if (grad.empty()) return;
    p.grad_jvp = floats(grad) + direction * grad.stride[0] + first * grad.stride[1];
    p.grad_jvp_plane = grad.stride[0], p.grad_jvp_stride = grad.stride[1];
  }

  void find_row_values(const HeadCall& call, std::int64_t first, std::int64_t samples, int direction, int count) const {
    kernels::DirectionsParams p;
    p.source = direction_source({}, needs_.distribution);
    p.noise = translated(call.in.batch.noise);
    p.dim = p.columns = spec_.dim;
    p.first_direction = direction, p.count = count;
    p.batch = p.rows = samples, p.first = first;
    p.row_values = call.arrays.direction_values;
    check_launch(kernels::launch_directions(p, kernels::Element::f32, call.stream), "directions");
  }

  HeadSpec spec_;
  kernels::Term term_;
  Needs needs_;
  const Device& device_;
  NoiseLevels levels_;
  std::int64_t rows_;
};

}  // namespace

std::unique_ptr<HeadProgram> make_head(const HeadSpec& spec, const Context& context) {
  return std::make_unique<CudaHead>(spec, context);
}

}  // namespace scorematch::cuda
