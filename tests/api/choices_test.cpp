// Each choice is made from the struct of one of its kinds: by conversion, in parentheses and in braces.
#include <gtest/gtest.h>

#include "scorematch/scorematch.h"

namespace scorematch {
namespace {

template <typename Choice, typename Kind>
void expect_kind(const Kind& made_from, typename Choice::Kind kind) {
  const Choice converted = made_from, direct(made_from), braced{made_from};
  EXPECT_EQ(converted.kind, kind);
  EXPECT_EQ(direct.kind, kind);
  EXPECT_EQ(braced.kind, kind);
}

TEST(Choices, AreMadeFromTheStructOfAKind) {
  using P = Parameterization::Kind;
  expect_kind<Parameterization>(parameterization::Plain{}, P::plain);
  expect_kind<Parameterization>(parameterization::Ncsn{}, P::ncsn);
  expect_kind<Parameterization>(parameterization::NoisePrediction{}, P::noise_prediction);
  expect_kind<Parameterization>(parameterization::Edm{}, P::edm);
  expect_kind<Parameterization>(parameterization::Epsilon{}, P::epsilon);
  expect_kind<Parameterization>(parameterization::VPrediction{}, P::v_prediction);
  expect_kind<Parameterization>(parameterization::DataPrediction{}, P::data_prediction);
  expect_kind<Parameterization>(parameterization::Velocity{}, P::velocity);
  using S = NoiseSchedule::Kind;
  expect_kind<NoiseSchedule>(schedule::None{}, S::none);
  expect_kind<NoiseSchedule>(schedule::Single{}, S::single);
  expect_kind<NoiseSchedule>(schedule::Geometric{}, S::geometric);
  expect_kind<NoiseSchedule>(schedule::LogNormal{}, S::log_normal);
  expect_kind<NoiseSchedule>(schedule::Vp{}, S::vp);
  expect_kind<NoiseSchedule>(schedule::SubVp{}, S::sub_vp);
  expect_kind<NoiseSchedule>(schedule::Cosine{}, S::cosine);
  expect_kind<NoiseSchedule>(schedule::RectifiedFlow{}, S::rectified_flow);
  expect_kind<NoiseSchedule>(schedule::Ddpm{}, S::ddpm);
  expect_kind<NoiseSchedule>(schedule::LogitNormal{}, S::log_normal);
  using W = Weighting::Kind;
  expect_kind<Weighting>(weighting::None{}, W::none);
  expect_kind<Weighting>(weighting::Sigma2{}, W::sigma2);
  expect_kind<Weighting>(weighting::Edm{}, W::edm);
  expect_kind<Weighting>(weighting::VPrediction{}, W::v_prediction);
  expect_kind<Weighting>(weighting::DataPrediction{}, W::data_prediction);
  expect_kind<Weighting>(weighting::Velocity{}, W::velocity);
  expect_kind<Weighting>(weighting::MinSnr{}, W::min_snr);
  expect_kind<Weighting>(weighting::TruncatedSnr{}, W::truncated_snr);
  expect_kind<Conditioning>(conditioning::None{}, ConditioningKind::none);
  expect_kind<Conditioning>(conditioning::LogSigma{}, ConditioningKind::log_sigma);
  expect_kind<Conditioning>(conditioning::Fourier{}, ConditioningKind::fourier);
}

TEST(Choices, TakeTheParametersOfTheirKind) {
  EXPECT_EQ(Parameterization{parameterization::Edm{0.25}}.sigma_data, 0.25);
  EXPECT_EQ(Weighting{weighting::Edm{0.75}}.sigma_data, 0.75);

  const NoiseSchedule single{schedule::Single{3.0}};
  EXPECT_EQ(single.sigma_min, 3.0);
  EXPECT_EQ(single.sigma_max, 3.0);

  const NoiseSchedule geometric{schedule::Geometric{0.5, 8.0, 4}};
  EXPECT_EQ(geometric.sigma_min, 0.5);
  EXPECT_EQ(geometric.sigma_max, 8.0);
  EXPECT_EQ(geometric.levels, 4);

  const NoiseSchedule normal{schedule::LogNormal{-0.5, 1.5}};
  EXPECT_EQ(normal.log_mean, -0.5);
  EXPECT_EQ(normal.log_deviation, 1.5);

  EXPECT_EQ(Weighting{weighting::MinSnr{3}}.gamma, 3);
  const NoiseSchedule vp{schedule::Vp{0.2, 10, 1e-4, 0.9}};
  EXPECT_EQ(vp.beta_min, 0.2);
  EXPECT_EQ(vp.beta_max, 10);
  EXPECT_EQ(vp.t_min, 1e-4);
  EXPECT_EQ(vp.t_max, 0.9);
  EXPECT_EQ(NoiseSchedule{schedule::Ddpm{50}}.levels, 50);

  const Conditioning fourier{conditioning::Fourier{{1.0, 2.0}}};
  EXPECT_EQ(fourier.frequencies, (std::vector<double>{1.0, 2.0}));
}

}  // namespace
}  // namespace scorematch
