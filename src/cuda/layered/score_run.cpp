#include "cuda/layered/score_run.h"

#include "cuda/call_params.h"
#include "cuda/runtime/status.h"

namespace scorematch::cuda {

ScoreCall::ScoreCall(const ScoreProblem& problem_, Queue::Impl& queue, const ScoreIn& in_, const ScoreOut& out_)
    : problem(problem_),
      stream(queue.stream),
      in(in_),
      out(out_),
      arena(queue.workspace),
      workspace(problem.net, problem.parts, arena),
      parameters(workspace.parameters()) {}

Bundle ScoreCall::drawn() const {
  const int count =
      in.batch.directions.empty() ? problem.spec.projections : static_cast<int>(in.batch.directions.shape.extent[0]);
  return {direction_source(in.batch.directions, problem.spec.distribution),
          has_row_values(in.batch.directions, problem.spec.distribution), count, 1.0 / count};
}

void ScoreCall::fill_value(const Chunk& chunk) const {
  kernels::PerturbParams p;
  static_cast<kernels::BatchParams&>(p) = batch_params(problem.spec, in);
  p.features = problem.net.features.get();
  workspace.fill_value(p, chunk, stream);
}

void ScoreCall::fill_tangents(const Chunk& chunk, const Bundle& bundle, const Channels& channels, int first) const {
  kernels::DirectionsParams p;
  p.source = bundle.source;
  p.noise = translated(in.batch.noise);
  workspace.fill_tangents(p, bundle.has_row_values, chunk, channels, first, stream);
}

kernels::ScoreParams ScoreCall::params(const Chunk& chunk) const {
  kernels::ScoreParams p = score_params(problem.spec, in);
  p.batch = chunk.samples, p.rows = chunk.rows, p.first = chunk.first;
  p.sigma = workspace.sigma;
  return p;
}

void ScoreCall::store_score(const Chunk& chunk, const float* output, int stride) const {
  kernels::ScoreParams p = params(chunk);
  p.output = output, p.output_stride = stride;
  p.score = row_of(out.score, chunk.first), p.score_stride = out.score.stride[0];
  check_launch(kernels::launch_score(p, stream), "score");
}

void ScoreCall::store_products(const Chunk& chunk, const Bundle& bundle, int first, int count, const float* jvp,
                               int stride, const View& jvp_out, const View& divergence) const {
  kernels::ScoreParams p = params(chunk);
  p.jvp = jvp, p.jvp_plane = chunk.rows * stride, p.jvp_stride = stride;
  p.directions = bundle.source;
  p.direction_values = bundle.has_row_values ? workspace.direction_values : nullptr;
  p.first_direction = first, p.count = count, p.weight = static_cast<float>(bundle.weight);
  if (!jvp_out.empty()) {
    p.jvp_out = floats(jvp_out) + first * jvp_out.stride[0] + chunk.first * jvp_out.stride[1];
    p.jvp_out_plane = jvp_out.stride[0], p.jvp_out_stride = jvp_out.stride[1];
  }
  p.divergence = at(divergence, chunk.first), p.add_divergence = first > 0;
  check_launch(kernels::launch_score(p, stream), "score");
}

}  // namespace scorematch::cuda
