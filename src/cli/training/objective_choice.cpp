// Defaults of `scorematch train` that follow from the objective. docs/command.md gives the reasons.
#include <algorithm>

#include "cli/training/train_options.h"

namespace scorematch::cli {
namespace {

// Without noise nothing prevents a network from putting a peak at each row, so it is small and trained for few epochs.
// With 3,600 rows of a mixture in two dimensions {64, 64} reaches 0.04 of the linear score's divergence in 140 epochs,
// and 0.16 in 430; {256, 256} reaches 0.07 in 140.
constexpr std::int64_t kNoiselessEpochs = 140, kFewestSteps = 500, kMostSteps = 20'000;
constexpr std::int64_t kNarrowest = 64, kWidest = 512, kWidthPerDim = 8;

}  // namespace

void TrainOptions::follow_objective() {
  const auto choose = [&](const std::string& name, std::string& value, const std::string& wanted) {
    if (!is_given(name)) value = wanted;
  };
  if (schedule == "none") {
    choose("--parameterization", parameterization, "plain");
    choose("--conditioning", conditioning, "none");
    choose("--weighting", weighting, "none");
  } else if (objective != "dsm") {
    // Without the target eps/sigma, the loss at the noise sigma varies by 1/sigma^2 times the weight. EDM's weight
    // grows as sigma^4: a few samples with the largest noise would drown all others. sigma^2 balances the levels.
    choose("--weighting", weighting, "sigma2");
  }
}

void TrainOptions::choose_without_noise(const Dataset& data) {
  if (schedule != "none") return;
  if (!is_given("--hidden")) {
    const std::int64_t width = std::clamp(kWidthPerDim * data.dim, kNarrowest, kWidest);
    hidden.assign(2, static_cast<int>(width));
  }
  const std::int64_t affordable = kNoiselessEpochs * data.training.rows / batch / 100 * 100;
  if (!is_given("--steps")) steps = std::clamp(affordable, kFewestSteps, kMostSteps);
}

std::string TrainOptions::objective_text() const {
  std::string text = objective;
  if (objective == "dsm" && variance != "plain") text += " (" + variance + ")";
  if (objective == "ssm" || objective == "ssm_vr")
    text += ", " + std::to_string(projections) + " " + law + (projections == 1 ? " direction" : " directions");
  return text + (weighting == "none" ? ", unweighted" : ", weighting " + weighting);
}

}  // namespace scorematch::cli
