// What the losses of score nets and of energy nets have in common on the layered route: for each chunk each term of the
// objective, the prologue, the part of the loss that a head evaluates, and what is done with the sums.
#pragma once
#include <vector>

#include "cuda/layered/net.h"
#include "model/objective_terms.h"

namespace scorematch::cuda {

/// What a plan knows.
struct LossProblem {
  LossProblem(const LossSpec& spec_, int further_slots, const Context& context)
      : spec(spec_),
        terms(terms_of(spec_.loss.objective)),
        needs(needs_of(spec_.loss.objective)),
        directions(needs.trace ? spec_.net.dim : needs.projections),
        net(spec_.net, spec_.compute.precision, spec_.max_batch, directions, further_slots, context) {}

  LossSpec spec;
  std::vector<Term> terms;
  Needs needs;
  int directions;
  LayeredNet net;
};

/// The workspace: with what every layered program has, 4 bytes a padded parameter's gradient and 4 a row's loss.
struct LossWorkspace : LayeredWorkspace {
  /// `sliced_sum`: keeps SSM's sum over directions.
  LossWorkspace(const LossProblem& problem, const JetParts& parts, bool sliced_sum, DeviceArena arena);

  float* loss;
  Gradients gradients;
  std::size_t gradient_bytes = 0;
  float* score_bar = nullptr;
  std::size_t bytes = 0;
};

/// One call.
class LossRun {
 public:
  virtual ~LossRun() = default;
  void run();

 protected:
  LossRun(const LossProblem& problem, Queue::Impl& queue, const LossIn& in, const LossOut& out, std::int64_t batch,
          const Reduction& reduction, const LossWorkspace& workspace);

  /// A further term of the same samples adds to what the first left.
  virtual void run_term(const Chunk& chunk, const Term& term, bool is_further) = 0;

  /// Whether normals are scaled to the sphere, which takes a row's sum.
  bool has_scale() const {
    return !problem_.needs.trace && in_.batch.directions.empty() && problem_.needs.law == Projection::sphere;
  }
  void perturb(const Chunk& chunk, double point) const;
  void draw_directions(const Chunk& chunk, const Slots& slots, int first) const;
  /// A head's parameters but for what it reads and writes of the network.
  kernels::HeadParams head_of(const Chunk& chunk, const Term& term, bool is_further) const;
  void add_input_gradient(const Chunk& chunk) const;

  const LossProblem& problem_;
  cudaStream_t stream_;
  const LossIn& in_;
  const LossOut& out_;
  std::int64_t batch_;
  const Reduction& reduction_;
  bool gradient_;
  const LossWorkspace& workspace_;

 private:
  void store_loss(const Chunk& chunk) const;
};

inline bool wants_gradient(const LossOut& out) { return !out.grad.empty() || !out.grad_x.empty(); }

/// The program of a Problem, a LossProblem that knows its workspace and launches, by its Run, a LossRun.
template <class Problem, class Run>
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
    const UseDevice use(device_.index);
    const LossWorkspace workspace = problem_.workspace(wants_gradient(out), DeviceArena(queue.workspace));
    Run(problem_, queue, in, out, batch, reduction, workspace).run();
  }

 private:
  Problem problem_;
  const Device& device_;
};

}  // namespace scorematch::cuda
