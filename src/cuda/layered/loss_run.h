// The parts that the losses of score nets and energy nets have in common on the layered route: the loop over chunks and
// terms of the objective, the perturbation, the parameters of the head, and the use of the sums.
#pragma once
#include <vector>

#include "cuda/layered/net.h"
#include "model/objective_terms.h"

namespace scorematch::cuda {

/// The constants of a plan.
struct LossProblem {
  LossProblem(const LossSpec& spec_, int further_channels, const Context& context)
      : spec(spec_),
        levels(spec_.loss.schedule, context.engine),
        terms(terms_of(spec_.loss.objective)),
        needs(needs_of(spec_.loss.objective)),
        directions(needs.trace ? spec_.net.dim : needs.projections),
        net(spec_.net, spec_.compute.precision, spec_.max_batch, directions, further_channels, context) {}

  LossSpec spec;
  NoiseLevels levels;
  std::vector<Term> terms;
  Needs needs;
  int directions;
  LayeredNet net;
};

/// The workspace: that of every layered program, 4 bytes per padded parameter for its gradient, and 4 per row for its
/// loss.
struct LossWorkspace : LayeredWorkspace {
  /// @param sliced_sum saves the sum of the sliced squares over directions
  LossWorkspace(const LossProblem& problem, const JetParts& parts, bool sliced_sum, DeviceArena arena);

  float* loss;
  Gradients gradients;
  std::size_t gradient_bytes = 0;
  float* grad_score = nullptr;
  std::size_t bytes = 0;
};

/// One call: its arguments, and the steps of every loss.
struct LossCall {
  const LossProblem& problem;
  cudaStream_t stream;
  const LossIn& in;
  const LossOut& out;
  std::int64_t batch;
  const Reduction& reduction;
  bool gradient;
  const LossWorkspace& workspace;

  /// Packs parameters and clears the gradient.
  void start() const;
  void perturb(const Chunk& chunk, double point) const;
  void draw_directions(const Chunk& chunk, const Channels& channels, int first) const;
  /// The parameters of a head, except the network's outputs and their gradients. @param is_further the term is not the
  /// first of these samples, and adds to their loss
  kernels::HeadParams head_of(const Chunk& chunk, const Term& term, bool is_further) const;
  /// After a term's backward pass: adds to grad_x, and stores or adds to grad_context.
  void store_input_gradients(const Chunk& chunk, bool is_further) const;
  void store_loss(const Chunk& chunk) const;
  void store_gradient() const;

 private:
  kernels::BatchParams batch_params() const;
  void add_input_gradient(const Chunk& chunk) const;
  void store_context_gradient(const Chunk& chunk, bool is_further) const;
  bool has_row_values() const {
    return !problem.needs.trace && cuda::has_row_values(in.batch.directions, problem.needs.distribution);
  }
};

inline bool wants_input_gradient(const LossOut& out) { return !out.grad_x.empty() || !out.grad_context.empty(); }
inline bool wants_gradient(const LossOut& out) { return !out.grad.empty() || wants_input_gradient(out); }

/// The program of a loss. Problem is a LossProblem with workspace() and launches(). TermRun(problem, call).run(chunk,
/// term, is_further) evaluates a term.
template <class Problem, class TermRun>
class LayeredLoss final : public LossProgram {
 public:
  LayeredLoss(const LossSpec& spec, const Context& context) : problem_(spec, context), device_(context.device) {
    problem_.net.gemms.load(context.engine);
  }

  std::size_t workspace_bytes() const override { return problem_.workspace(true, DeviceArena()).bytes; }
  PlanReport report(std::int64_t batch) const override { return problem_.net.report(problem_.launches(batch)); }

  void run(Queue::Impl& queue, const LossIn& in, const LossOut& out, std::int64_t batch,
           const Reduction& reduction) const override {
    check_noise_offset(in.batch.noise, batch);
    const UseDevice use(device_);
    const LossWorkspace workspace = problem_.workspace(wants_gradient(out), DeviceArena(queue.workspace));
    const LossCall call{problem_, queue.stream, in, out, batch, reduction, wants_gradient(out), workspace};
    call.start();
    const TermRun run(problem_, call);
    for_each_chunk(batch, problem_.net.rows, [&](const Chunk& chunk) {
      for (const Term& term : problem_.terms) run.run(chunk, term, &term != problem_.terms.data());
      call.store_loss(chunk);
    });
    call.store_gradient();
  }

 private:
  Problem problem_;
  const Device& device_;
};

}  // namespace scorematch::cuda
