#include "cuda/layered/score_run.h"

#include "cuda/call_params.h"
#include "cuda/runtime/status.h"

namespace scorematch::cuda {

ScoreRun::ScoreRun(const ScoreProblem& problem, Queue::Impl& queue, const ScoreIn& in, const ScoreOut& out)
    : problem_(problem),
      stream_(queue.stream),
      in_(in),
      out_(out),
      arena_(queue.workspace),
      workspace_(problem.net, problem.parts, arena_),
      parameters_(workspace_.parameters()) {}

void ScoreRun::run(std::int64_t batch) {
  workspace_.pack(in_.params, stream_);
  for_each_chunk(batch, problem_.net.rows, [&](const Chunk& chunk) { run_chunk(chunk); });
}

Bundle ScoreRun::drawn() const {
  const int count =
      in_.batch.directions.empty() ? problem_.spec.projections : static_cast<int>(in_.batch.directions.shape.extent[0]);
  return {direction_source(in_.batch.directions, problem_.spec.law),
          in_.batch.directions.empty() && problem_.spec.law == Projection::sphere, count, 1.0 / count};
}

void ScoreRun::fill_value(const Chunk& chunk) const {
  workspace_.fill_value(perturb_params(problem_.spec, problem_.net.features, in_), chunk, stream_);
}

void ScoreRun::fill_tangents(const Chunk& chunk, const Bundle& bundle, const Slots& slots, int first) const {
  kernels::DirectionsParams p;
  p.source = bundle.source;
  p.noise = translated(in_.batch.noise);
  workspace_.fill_tangents(p, bundle.has_scale, chunk, slots, first, stream_);
}

kernels::ScoreParams ScoreRun::params(const Chunk& chunk) const {
  kernels::ScoreParams p = score_params(problem_.spec, in_);
  p.batch = chunk.samples, p.rows = chunk.rows, p.first = chunk.first;
  p.sigma = workspace_.sigma;
  return p;
}

void ScoreRun::store_score(const Chunk& chunk, const float* output, int stride) const {
  kernels::ScoreParams p = params(chunk);
  p.output = output, p.output_stride = stride;
  p.score = row_of(out_.score, chunk.first), p.score_stride = out_.score.stride[0];
  check_launch(kernels::launch_score(p, stream_), "score");
}

void ScoreRun::store_products(const Chunk& chunk, const Bundle& bundle, int first, int count, const float* jvp,
                              int stride, const View& jvp_out, const View& divergence) const {
  kernels::ScoreParams p = params(chunk);
  p.jvp = jvp, p.jvp_plane = chunk.rows * stride, p.jvp_stride = stride;
  p.directions = bundle.source;
  p.direction_scale = bundle.has_scale ? workspace_.direction_scale : nullptr;
  p.first_direction = first, p.count = count, p.share = static_cast<float>(bundle.share);
  if (!jvp_out.empty()) {
    p.jvp_out = floats(jvp_out) + first * jvp_out.stride[0] + chunk.first * jvp_out.stride[1];
    p.jvp_out_plane = jvp_out.stride[0], p.jvp_out_stride = jvp_out.stride[1];
  }
  p.divergence = at(divergence, chunk.first), p.add_divergence = first > 0;
  check_launch(kernels::launch_score(p, stream_), "score");
}

}  // namespace scorematch::cuda
