// What the scores of score nets and of energy nets have in common on the layered route: for each chunk the prologue,
// the directions, and what is stored of the network's answers.
#pragma once
#include "cuda/layered/net.h"

namespace scorematch::cuda {

/// What a plan knows.
struct ScoreProblem {
  ScoreProblem(const ScoreSpec& spec_, int further_slots, const Context& context)
      : spec(spec_),
        net(spec_.net, spec_.compute.precision, spec_.max_batch, std::max(spec_.projections, spec_.net.dim),
            further_slots, context) {}

  ScoreSpec spec;
  LayeredNet net;
  JetParts parts;
};

/// Directions, and what each is worth.
struct Bundle {
  kernels::DirectionSource source;
  bool has_scale = false;  // to the sphere
  int count = 0;
  double share = 1;
};

/// One call.
class ScoreRun {
 public:
  virtual ~ScoreRun() = default;
  void run(std::int64_t batch);

 protected:
  ScoreRun(const ScoreProblem& problem, Queue::Impl& queue, const ScoreIn& in, const ScoreOut& out);

  virtual void run_chunk(const Chunk& chunk) const = 0;

  /// The call's directions, given or drawn, and the unit vectors.
  Bundle drawn() const;
  Bundle unit_vectors() const { return {basis(), false, problem_.spec.net.dim, 1}; }
  void fill_value(const Chunk& chunk) const;
  void fill_tangents(const Chunk& chunk, const Bundle& bundle, const Slots& slots, int first) const;
  /// From the network's [rows, stride] float.
  void store_score(const Chunk& chunk, const float* output, int stride) const;
  /// From those of directions first ... + count - 1, [count, rows, stride]; a view that is empty is not written.
  void store_products(const Chunk& chunk, const Bundle& bundle, int first, int count, const float* jvp, int stride,
                      const View& jvp_out, const View& divergence) const;

  const ScoreProblem& problem_;
  cudaStream_t stream_;
  const ScoreIn& in_;
  const ScoreOut& out_;
  DeviceArena arena_;
  LayeredWorkspace workspace_;
  Parameters parameters_;

 private:
  kernels::ScoreParams params(const Chunk& chunk) const;
};

/// The program of a Problem, a ScoreProblem that knows its launches, by its Run, a ScoreRun.
template <class Problem, class Run>
class LayeredScore final : public ScoreProgram {
 public:
  LayeredScore(const ScoreSpec& spec, const Context& context) : problem_(spec, context), device_(context.device) {
    problem_.net.gemms.load(context.engine);
  }

  std::size_t workspace_bytes() const override {
    DeviceArena arena;
    LayeredWorkspace(problem_.net, problem_.parts, arena);
    return arena.used();
  }
  PlanReport report(std::int64_t batch) const override { return problem_.net.report(problem_.launches(batch)); }

  void run(Queue::Impl& queue, const ScoreIn& in, const ScoreOut& out, std::int64_t batch) const override {
    check_noise_offset(in.batch.noise, batch);
    const UseDevice use(device_.index);
    Run(problem_, queue, in, out).run(batch);
  }

 private:
  Problem problem_;
  const Device& device_;
};

}  // namespace scorematch::cuda
