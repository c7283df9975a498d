// Defaults of `scorematch train` that follow from the objective. docs/command.md gives the reasons.
#include <algorithm>

#include "cli/training/train_options.h"
#include "model/noise_process.h"

namespace scorematch::cli {
namespace {

// Without noise nothing prevents a network from putting a peak at each row, so it is small and trained for few epochs.
// With 3,600 rows of a mixture in two dimensions {64, 64} reaches 0.04 of the linear score's divergence in 140 epochs,
// and 0.16 in 430; {256, 256} reaches 0.07 in 140.
constexpr std::int64_t kNoiselessEpochs = 140, kFewestSteps = 500, kMostSteps = 20'000;
constexpr std::int64_t kNarrowest = 64, kWidest = 512, kWidthPerDim = 8;

/// The published one.
Weighting::Kind weighting_of(Parameterization::Kind parameterization) {
  switch (parameterization) {
    case Parameterization::Kind::plain:
    case Parameterization::Kind::ncsn:
    case Parameterization::Kind::noise_prediction:
    case Parameterization::Kind::edm:
      break;
    case Parameterization::Kind::epsilon:
      return Weighting::Kind::sigma2;
    case Parameterization::Kind::v_prediction:
      return Weighting::Kind::v_prediction;
    case Parameterization::Kind::data_prediction:
      return Weighting::Kind::truncated_snr;
    case Parameterization::Kind::velocity:
      return Weighting::Kind::velocity;
  }
  return Weighting::Kind::edm;
}

bool is_process(Parameterization::Kind parameterization) {
  return weighting_of(parameterization) != Weighting::Kind::edm;
}

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
  } else {
    choose("--weighting", weighting, weighting_of(parameterization));
  }
  // Processes are published for data of variance 1.
  if (is_process(parameterization) || has_table(schedule)) choose("--sigma-data", sigma_data, 1.0);
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

Phrase TrainOptions::describe_context() const {
  const bool by_class = !labels.empty();
  const Phrase what = by_class ? fact("context.classes", context_count) + " classes (--labels)"
                               : fact("context.columns", context_count) + " columns of the data (--context-columns)";
  if (context_dropout == 0) return what + ", never dropped" + silent("context.dropout", 0);
  return what + ", dropped for a fraction " + fact("context.dropout", context_dropout) + " of the samples";
}

Phrase TrainOptions::describe_objective() const {
  Phrase text = fact("objective.name", name_of(objective));
  if (objective == ObjectiveKind::dsm) {
    const Phrase reduction = fact("objective.variance", name_of(variance));
    text += variance == Dsm::Variance::plain ? without_text(reduction) : " (" + reduction + ")";
  }
  if (is_sliced())
    text += ", " + fact("objective.projections", projections) + " " +
            fact("objective.distribution", name_of(distribution)) + (projections == 1 ? " direction" : " directions");
  if (weighting == Weighting::Kind::none) return text + ", unweighted" + silent("objective.weighting", "none");
  return text + ", weighting " + fact("objective.weighting", name_of(weighting));
}

}  // namespace scorematch::cli
