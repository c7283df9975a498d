// The score of the caller's own network from its output, and its divergence along directions: the kernel that ends the
// library's own scores.
#include "cuda/programs.h"
#include "cuda/runtime/status.h"
#include "cuda/translate.h"

namespace scorematch::cuda {

void output_score(const Device& device, Queue::Impl& queue, const OutputScore& call) {
  kernels::ScoreParams p;
  p.batch = p.rows = call.x.shape.extent[0];
  p.dim = static_cast<int>(call.x.shape.extent[1]);
  p.output = floats(call.output), p.output_stride = call.output.stride[0];
  p.x = table_of(call.x);
  p.sigma = floats(call.sigma);
  p.parameterization = call.parameterization;
  p.score = floats(call.score), p.score_stride = call.score.stride[0];
  if (!call.divergence.empty()) {
    p.directions = direction_source(call.directions, Projection::rademacher);
    p.jvp = floats(call.jvp), p.jvp_plane = call.jvp.stride[0], p.jvp_stride = call.jvp.stride[1];
    p.count = static_cast<int>(call.jvp.shape.extent[0]);
    p.weight = static_cast<float>(call.weight);
    p.divergence = floats(call.divergence), p.add_divergence = call.add_divergence;
  }
  const UseDevice use(device);
  check_launch(kernels::launch_score(p, queue.stream), "score");
}

}  // namespace scorematch::cuda
