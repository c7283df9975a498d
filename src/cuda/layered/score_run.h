// The parts that the scores of score nets and energy nets have in common on the layered route: the loop over chunks,
// the perturbation, the directions, and the stored results.
#pragma once
#include "cuda/layered/net.h"

namespace scorematch::cuda {

/// The constants of a plan.
struct ScoreProblem {
  ScoreProblem(const ScoreSpec& spec_, int further_channels, const Context& context)
      : spec(spec_),
        net(spec_.net, spec_.compute.precision, spec_.max_batch, std::max(spec_.projections, spec_.net.dim),
            further_channels, context) {}

  ScoreSpec spec;
  LayeredNet net;
  JetParts parts;
};

/// Directions, and the weight of each in the divergence.
struct Bundle {
  kernels::DirectionSource source;
  bool has_row_values = false;  // columns of a direction share a value
  int count = 0;
  double weight = 1;
};

/// One call: its arguments, and the steps of every score.
struct ScoreCall {
  ScoreCall(const ScoreProblem& problem, Queue::Impl& queue, const ScoreIn& in, const ScoreOut& out);

  /// The directions of the call, given or drawn; and the unit vectors.
  Bundle drawn() const;
  Bundle unit_vectors() const { return {basis(), false, problem.spec.net.dim, 1}; }
  void fill_value(const Chunk& chunk) const;
  void fill_tangents(const Chunk& chunk, const Bundle& bundle, const Channels& channels, int first) const;
  /// @param output of the network, [rows, stride]
  void store_score(const Chunk& chunk, const float* output, int stride) const;
  /// @param jvp products of directions first ... first + count - 1, [count, rows, stride] @param jvp_out, divergence
  /// not written if empty
  void store_products(const Chunk& chunk, const Bundle& bundle, int first, int count, const float* jvp, int stride,
                      const View& jvp_out, const View& divergence) const;

  const ScoreProblem& problem;
  cudaStream_t stream;
  const ScoreIn& in;
  const ScoreOut& out;
  DeviceArena arena;
  LayeredWorkspace workspace;
  Parameters parameters;

 private:
  kernels::ScoreParams params(const Chunk& chunk) const;
};

/// The program of a score. Problem is a ScoreProblem with launches(). ChunkRun(problem, call).run(chunk) evaluates a
/// chunk.
template <class Problem, class ChunkRun>
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
    const UseDevice use(device_);
    const ScoreCall call(problem_, queue, in, out);
    call.workspace.pack(in.params, call.stream);
    const ChunkRun run(problem_, call);
    for_each_chunk(batch, problem_.net.rows, [&](const Chunk& chunk) { run.run(chunk); });
  }

 private:
  Problem problem_;
  const Device& device_;
};

}  // namespace scorematch::cuda
