#include "cli/sampling/sample_check.h"

#include <algorithm>

#include "cli/data/batches.h"
#include "cli/models/model_metadata.h"
#include "cli/sampling/sampler_choice.h"
#include "scorematch/sampler.h"

namespace scorematch::cli {
namespace {

constexpr std::int64_t kBatch = 1024;  // at a time; the samples do not depend on it
// Multiplications in a few seconds, on two cores or, for the reference engine, on one without SIMD.
constexpr double kWork = 1e11, kReferenceWork = 1e9;

}  // namespace

std::int64_t affordable_samples(const Engine& engine, const MlpShape& net) {
  const double passes = net.kind == MlpShape::Kind::energy ? 3 : 1;
  const double per_sample = 2.0 * kFlowSteps * passes * static_cast<double>(net.param_count());
  const double work = engine.kind() == Engine::Kind::reference ? kReferenceWork : kWork;
  return std::clamp(static_cast<std::int64_t>(work / per_sample), std::int64_t{100}, kCheckSamples);
}

std::string why_not_sampled(const Checkpoint& model) {
  const NoiseRange range = known_range({}, model);
  if (!(range.low > 0) || !(range.high > 0)) return "the model was trained without noise, and samples start from noise";
  const std::string why = why_no_range(model);
  return why.empty() ? "" : "the network " + why + ", and samples need a range of levels";
}

Matrix draw_samples(const Engine& engine, const Checkpoint& model, std::int64_t count, std::uint64_t seed,
                    const Contexts& contexts) {
  const NoiseRange range = needed_range({}, model, "flow");
  const std::int64_t batch = std::min(kBatch, count);
  const SamplerPlan plan(engine, model.net,
                         ProbabilityFlow{range.low, range.high, kFlowSteps, 7.0, prior_deviation(model, -1)}, batch);
  Queue queue(engine, plan.workspace_bytes());
  const auto params = engine.upload(model.sampling_params());
  NoiseState noise(engine, seed);
  const ContextArrays given(engine, contexts);
  auto x = engine.allocate<float>({batch, model.net.dim});
  return in_batches(x, count, "samples", [&](std::int64_t first, const View& part) {
    SamplerPlan::In in{params, noise.from(first)};
    given.give(in, first, part.shape.extent[0]);
    plan.run(queue, in, {part});
    return queue.read_f32(part);
  });
}

}  // namespace scorematch::cli
