#include "cli/sampling/langevin_chains.h"

#include <algorithm>
#include <cmath>

#include "formats/spec_text.h"

namespace scorematch::cli {

Chains::Chains(const Engine& engine, const Checkpoint& model, const Langevin& options,
               const std::optional<ProbabilityFlow>& start, std::int64_t max_batch, std::uint64_t seed, double guidance)
    : engine_(engine),
      options_(options),
      starts_from_flow_(start.has_value()),
      accepted_(engine_.allocate<float>(max_batch)),
      mixing_(model.net.dim) {
  if (start)
    halves_.push_back(
        {SamplerPlan(engine_, model.net, *start, max_batch, guidance), 0, NoiseState(engine_, {seed, 0, 0})});
  std::size_t workspace = start ? halves_.back().plan.workspace_bytes() : 0;
  const int second = options.steps / 2;
  for (const int steps : {options.steps - second, second}) {
    if (steps == 0) continue;
    Langevin half = options;
    half.steps = steps;
    if (!halves_.empty()) half.sigma_start = 0;  // continues where the first half ended
    const auto step = static_cast<std::int64_t>(halves_.size());
    halves_.push_back(
        {SamplerPlan(engine_, model.net, half, max_batch, guidance), steps, NoiseState(engine_, {seed, step, 0})});
    workspace = std::max(workspace, halves_.back().plan.workspace_bytes());
  }
  queue_.emplace(engine_, workspace);
}

std::vector<float> Chains::run(ConstView params, std::int64_t first, View x, const ContextArrays& contexts) {
  const std::int64_t count = x.shape.extent[0];
  const View accepted = View(accepted_).samples(0, count);
  std::vector<double> acceptance(static_cast<std::size_t>(count), 0.0);
  std::vector<float> before, values;
  for (const Half& half : halves_) {
    SamplerPlan::Out out;
    out.x = x;
    if (options_.metropolis && half.steps > 0) out.acceptance_per_sample = accepted;
    SamplerPlan::In in{params, half.noise.from(first)};
    contexts.give(in, first, count);
    half.plan.run(*queue_, in, out);
    before = std::move(values);
    values = queue_->read_f32(x);
    if (!options_.metropolis || half.steps == 0) continue;
    const std::vector<float> of_half = queue_->read_f32(accepted);
    for (std::size_t i = 0; i < of_half.size(); ++i)
      acceptance[i] += static_cast<double>(of_half[i]) * half.steps / options_.steps;
  }
  if (!before.empty() && std::all_of(values.begin(), values.end(), [](float each) { return std::isfinite(each); }))
    mixing_.add(before, values);
  if (options_.metropolis)
    for (const double each : acceptance) acceptance_ = acceptance_.merged({1, each, 0});
  return values;
}

void Chains::describe(Report& report) const {
  const Phrase start = starts_from_flow_ ? fact("chains.start", "flow", "samples of the flow")
                                         : fact("chains.start", "normal", "N(0, ") +
                                               rounded_fact("chains.sigma_start", options_.sigma_start, 3) + "^2)";
  report.line("chains", fact("chains.steps", options_.steps) + " steps of size " +
                            rounded_fact("chains.step_size", options_.step_size, 3) + " at sigma " +
                            rounded_fact("chains.sigma", options_.sigma, 3) + ", from " + start);
  if (options_.metropolis) report.line("acceptance", measurement("acceptance", acceptance_));
  if (starts_from_flow_) return;  // those samples have the right spread already: nothing has to be forgotten
  report.line("mixing", mixing_.describe());
  if (mixing_.is_stuck())
    report.warn("the chains have hardly moved: their positions halfway and at the end correlate by " +
                short_text(mixing_.correlation(), 2) +
                ", so the samples still show the start; give more --steps, train at a larger "
                "noise level, or train over a range of levels and use --sampler flow");
}

}  // namespace scorematch::cli
