// The verdict on a run from its losses and the comparison of its samples.
#include "cli/training/verdict.h"

#include <gtest/gtest.h>

#include "support/arrays.h"

namespace scorematch::testing_support {
namespace {

using cli::Evidence;
using cli::LossRow;
using cli::Remark;

const Estimate kBetter{400, -0.3, 399 * 400 * 0.0001};  // a standard error of 0.01
const Estimate kEqual{400, -0.01, 399 * 400 * 0.0001}, kWorse{400, 0.3, 399 * 400 * 0.0001};

/// Training and held-out losses at 20 steps of a run.
std::vector<LossRow> curve(const std::vector<double>& losses, std::int64_t every = 300) {
  std::vector<LossRow> rows;
  for (const double each : losses) {
    LossRow row;
    row.step = every * static_cast<std::int64_t>(rows.size() + 1);
    row.training = {100, each, 1};
    row.held_out = Estimate{100, each, 1};
    rows.push_back(row);
  }
  return rows;
}
const std::vector<double> kFlat = {1, .6, .5, .5, .5, .5, .5, .5, .5, .5, .5, .5, .5, .5, .5, .5, .5, .5, .5, .5};

/// A comparison in which one column or none differs.
cli::Comparison comparison(bool differs, double small = 1) {
  cli::Comparison result;
  result.data_rows = result.sample_rows = 1000;
  result.columns.resize(20);
  for (cli::ColumnComparison& each : result.columns) each.data.deviation = each.samples.deviation = 1;
  result.columns[3].data.deviation = small;
  result.columns[3].spread_differs = differs;
  return result;
}

Evidence evidence(const Estimate& over_gaussian, const cli::Comparison* compared) {
  Evidence all;
  all.steps = 6000;
  all.losses = curve(kFlat);
  all.over_gaussian = over_gaussian;
  all.over_zero = Estimate{400, -0.5, 1};
  all.comparison = compared;
  return all;
}

std::string text_of(const Evidence& evidence) {
  std::string text;
  for (const Remark& each : cli::verdict(evidence))
    text += (each.kind == Remark::Kind::warning  ? "warning "
             : each.kind == Remark::Kind::advice ? "try "
                                                 : "note ") +
            each.text + "\n";
  return text;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Verdict, SaysNothingOfAGoodRun) {
  const cli::Comparison same = comparison(false);
  EXPECT_EQ(text_of(evidence(kBetter, &same)), "");
  EXPECT_EQ(text_of(evidence(kBetter, nullptr)), "");
}

TEST(Verdict, WarnsWhereNeitherTheLossNorTheSamplesAreLearned) {
  const cli::Comparison other = comparison(true);
  for (const Estimate& each : {kEqual, kWorse}) {
    const std::string text = text_of(evidence(each, &other));
    EXPECT_EQ(text.rfind("warning the model has not learned", 0), 0u) << text;
    EXPECT_TRUE(contains(text, "note column 3: standard deviation")) << text;
    EXPECT_TRUE(contains(text, "\ntry ")) << text;
  }
}

TEST(Verdict, DoesNotWarnOfGaussianData) {
  const cli::Comparison same = comparison(false);
  const std::string text = text_of(evidence(kEqual, &same));
  EXPECT_EQ(text.rfind("note the samples are like the data", 0), 0u) << text;
  EXPECT_TRUE(contains(text, "the data look Gaussian")) << text;
  EXPECT_FALSE(contains(text, "warning") || contains(text, "try")) << text;
  Evidence few = evidence({20, -0.01, 1}, &same);
  EXPECT_TRUE(contains(text_of(few), "20 held-out rows are too few to tell"));
}

TEST(Verdict, DoesNotCallDataGaussianWhereTheLossesVaryTooMuch) {
  const cli::Comparison same = comparison(false);
  Evidence all = evidence(kEqual, &same);  // a standard error of 0.01
  all.gaussian = Estimate{400, -0.3, 1};
  EXPECT_FALSE(contains(text_of(all), "too few to tell")) << text_of(all);
  all.gaussian = Estimate{400, -0.1, 1};
  EXPECT_TRUE(contains(text_of(all), "400 held-out rows are too few to tell")) << text_of(all);
}

TEST(Verdict, SaysWhereTheLinearScoreIsNotReached) {
  const cli::Comparison same = comparison(false);
  EXPECT_TRUE(contains(text_of(evidence(kWorse, &same)), "still worse than that of a Gaussian's score"));
}

TEST(Verdict, SaysWhatIsKnownWithoutSamples) {
  const std::string text = text_of(evidence(kEqual, nullptr));
  EXPECT_TRUE(contains(text, "unless the data are Gaussian")) << text;
  EXPECT_FALSE(contains(text, "warning")) << text;
}

TEST(Verdict, SamplesCountEvenWhereTheLossIsGoodOrUnknown) {
  const cli::Comparison other = comparison(true);
  EXPECT_TRUE(
      contains(text_of(evidence(kBetter, &other)), "note the samples are not like the data in 1 of 20 columns"));
  Evidence unknown = evidence(kBetter, &other);
  unknown.over_gaussian = unknown.over_zero = {};
  EXPECT_TRUE(contains(text_of(unknown), "the samples are not like the data"));
  cli::Comparison many = other;
  for (std::size_t j = 0; j < 2; ++j) many.columns[j].spread_differs = true;
  EXPECT_TRUE(contains(text_of(evidence(kBetter, &many)), "warning the samples are not like the data in 3 of 20"));
  cli::Comparison joint = comparison(false);
  joint.joint.shape_differs = true;
  EXPECT_TRUE(contains(text_of(evidence(kBetter, &joint)), "warning the samples are not like the data\n"));
}

TEST(Verdict, AdviceDependsOnTheSituation) {
  const cli::Comparison other = comparison(true), small = comparison(true, 0.01);
  Evidence falling = evidence(kEqual, &other);
  falling.losses = curve({10, 9, 8.5, 8, 7.5, 7, 6.5, 6, 5.5, 5, 4.5, 4, 3.5, 3, 2.5, 2, 1.5, 1.2, 1, 0.5});
  EXPECT_TRUE(contains(text_of(falling), "try more steps (--steps 24000): the held-out loss was still falling"));
  Evidence rising = falling;
  rising.losses = curve({10, 1, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9, 8, 7, 6, 5});
  EXPECT_FALSE(contains(text_of(rising), "still falling")) << text_of(rising);
  Evidence gap = falling;
  gap.held_out = Estimate{400, 0.6, 399 * 400 * 0.0001};
  EXPECT_TRUE(
      contains(text_of(gap), "more data: the loss is 0.5 on the rows that the network trains on, 0.6 on others"));
  gap.held_out->mean = 0.54;  // less than a tenth of the gain over F = 0
  EXPECT_TRUE(contains(text_of(gap), "still falling")) << text_of(gap);
  gap.held_out = Estimate{400, 0.6, 399 * 400 * 0.01};  // less than three standard errors
  EXPECT_TRUE(contains(text_of(gap), "still falling")) << text_of(gap);
  Evidence noiseless = evidence(kEqual, nullptr);
  noiseless.is_noiseless = true;
  noiseless.steps = 1900;
  EXPECT_TRUE(contains(text_of(noiseless), "try noise: the same command without --schedule none, or more data"));
  Evidence few = evidence(kEqual, &other);
  few.steps = 20;
  EXPECT_TRUE(contains(text_of(few), "try more steps (--steps 6000): 20 are few"));
  Evidence overfit = evidence(kEqual, &other);
  overfit.overfits = true;
  EXPECT_TRUE(contains(text_of(overfit), "try more data, or fewer --steps"));
  Evidence worse = evidence(kWorse, &other);
  worse.over_zero = kWorse;
  EXPECT_TRUE(contains(text_of(worse), "try a smaller --learning-rate"));
  Evidence scaled = evidence(kEqual, &small);
  scaled.has_common_scale = true;
  EXPECT_TRUE(contains(text_of(scaled), "try --standardize column"));
  scaled.has_common_scale = false;
  EXPECT_FALSE(contains(text_of(scaled), "--standardize"));
  EXPECT_TRUE(contains(text_of(evidence(kEqual, &other)), "try a wider network"));
}

TEST(Verdict, ALossWithoutBoundOutweighsAllElse) {
  const cli::Comparison same = comparison(false);
  Evidence all = evidence(kBetter, &same);
  all.diverges = true;
  const std::string text = text_of(all);
  EXPECT_EQ(text.rfind("warning the loss falls without bound", 0), 0u) << text;
  EXPECT_TRUE(contains(text, "try noise: the same command without --schedule none, or --objective dsm")) << text;
}

// The loss of the Gaussian is -1 here.
TEST(Divergence, IsALossFarBelowTheLinearScoresThatGoesOnFalling) {
  cli::LinearScore score;
  score.dim = score.rank = 2;
  score.variances = {1, 1};
  std::vector<double> doubling = {-1}, settling;
  while (doubling.size() < 20) doubling.push_back(1.5 * doubling.back());
  for (int i = 0; i < 20; ++i) settling.push_back(-1000 * (1 - std::exp(-i)));
  const Loss clean{SsmVr{}};
  EXPECT_TRUE(cli::loss_diverges(clean, score, curve(doubling)));
  EXPECT_FALSE(cli::loss_diverges(clean, score, curve(settling)));
  EXPECT_FALSE(cli::loss_diverges({SsmVr{}, schedule::LogNormal{}}, score, curve(doubling)));
  EXPECT_FALSE(cli::loss_diverges(clean, score, {}));
  std::vector<double> mild = {-0.1};
  while (mild.size() < 20) mild.push_back(1.2 * mild.back());  // -3.2 at the end
  EXPECT_FALSE(cli::loss_diverges(clean, score, curve(mild)));
  score.is_singular = true;
  EXPECT_TRUE(cli::loss_diverges(clean, score, curve(settling)));
}

}  // namespace
}  // namespace scorematch::testing_support
