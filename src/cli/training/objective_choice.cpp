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
  const auto choose = [&](const std::string& name, auto& value, auto wanted) {
    if (!is_given(name)) value = wanted;
  };
  if (!has_noise()) {
    choose("--parameterization", parameterization, Parameterization::Kind::plain);
    choose("--conditioning", conditioning, Conditioning::Kind::none);
    choose("--weighting", weighting, Weighting::Kind::none);
  } else if (objective != ObjectiveKind::dsm) {
    // Without the target eps/sigma, the loss at the noise sigma varies by 1/sigma^2 times the weight. EDM's weight
    // grows as sigma^4: a few samples with the largest noise would drown all others. sigma^2 balances the levels.
    choose("--weighting", weighting, Weighting::Kind::sigma2);
  }
}

void TrainOptions::choose_without_noise(const Dataset& data) {
  if (has_noise()) return;
  if (!is_given("--hidden")) {
    const std::int64_t width = std::clamp(kWidthPerDim * data.dim, kNarrowest, kWidest);
    hidden.assign(2, static_cast<int>(width));
  }
  const std::int64_t affordable = kNoiselessEpochs * data.training.rows / batch / 100 * 100;
  if (!is_given("--steps")) steps = std::clamp(affordable, kFewestSteps, kMostSteps);
}

std::string TrainOptions::objective_text() const {
  std::string text = name_of(objective);
  if (objective == ObjectiveKind::dsm && variance != Dsm::Variance::plain)
    text += std::string(" (") + name_of(variance) + ")";
  if (is_sliced())
    text += ", " + std::to_string(projections) + " " + name_of(distribution) +
            (projections == 1 ? " direction" : " directions");
  if (weighting == Weighting::Kind::none) return text + ", unweighted";
  return text + ", weighting " + name_of(weighting);
}

}  // namespace scorematch::cli
