/// @file
/// The check at the end of training: samples are drawn and compared with the data.
#pragma once
#include <optional>
#include <string>

#include "cli/data/contexts.h"
#include "cli/sampling/comparison.h"
#include "scorematch/checkpoint.h"
#include "scorematch/engine.h"

namespace scorematch::cli {

constexpr std::int64_t kCheckSamples = 2000;  // at most, unless given

/// As many as take a few seconds with this network, at least 100.
std::int64_t affordable_samples(const Engine& engine, const MlpShape& net);

/// Why no samples can be drawn as `scorematch sample` draws them: the model knows no range of noise. Empty: they can.
std::string why_not_sampled(const Checkpoint& model);

/// As `scorematch sample` draws them by default, but in model units. Rows may be infinite or NaN.
/// @param contexts of each, for a conditional model
Matrix draw_samples(const Engine& engine, const Checkpoint& model, std::int64_t count, std::uint64_t seed,
                    const Contexts& contexts = {});

}  // namespace scorematch::cli
