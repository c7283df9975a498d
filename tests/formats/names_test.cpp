// The names of choices: each name gives its value, and the names of version 0.1 still work.
#include "model/names.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "cli/models/eval_case.h"
#include "formats/spec_plans.h"
#include "support/refusal.h"

namespace scorematch::test {
namespace {

template <class T>
class ChoiceNames : public testing::Test {};
using Choices =
    testing::Types<MlpShape::Kind, Activation, Initialization, Parameterization::Kind, ConditioningKind, ObjectiveKind,
                   Dsm::Variance, Projection, NoiseSchedule::Kind, Weighting::Kind, SamplerKind, Precision, Route>;
TYPED_TEST_SUITE(ChoiceNames, Choices);

TYPED_TEST(ChoiceNames, AreReadAsWhatTheyWereWrittenFor) {
  std::set<std::string> names;
  for (const TypeParam value : values_of<TypeParam>()) {
    const std::string name = name_of(value);
    EXPECT_TRUE(names.insert(name).second) << name;
    const TypeParam* back = value_named<TypeParam>(name);
    ASSERT_NE(back, nullptr) << name;
    EXPECT_EQ(*back, value);
  }
  EXPECT_EQ(name_of(static_cast<TypeParam>(names.size())), std::string());
  EXPECT_EQ(name_of(static_cast<TypeParam>(-1)), std::string());
  EXPECT_EQ(value_named<TypeParam>("none of them"), nullptr);
}

TYPED_TEST(ChoiceNames, AreListedWhereOneIsUnknown) {
  const std::string key = Names<TypeParam>::key;
  MetadataReader reader("a file", {{key, "none of them"}});
  expect_refused({key, "one of " + known_names<TypeParam>(), "'none of them'", ErrorCode::io},
                 [&] { reader.take_choice<TypeParam>(); });
}

Loss loss_of(const std::string& text) {
  MetadataReader reader = MetadataReader::of_text("loss", text);
  const Loss loss = read_loss(reader, read_sigma_data(reader));
  reader.refuse_rest();
  return loss;
}

TEST(EarlierNames, AreReadAndNotWritten) {
  EXPECT_EQ(loss_text(loss_of("objective=ssm projections=2 law=sphere schedule=lognormal")),
            loss_text(loss_of("objective=ssm projections=2 distribution=sphere schedule=log_normal")));
  EXPECT_EQ(loss_text(loss_of("objective=ssm projections=2 law=sphere schedule=lognormal")).find("law"),
            std::string::npos);
  MetadataReader net = MetadataReader::of_text("net", "dim=2 parameterization=noise");
  EXPECT_NE(net_text(read_net(net)).find("parameterization=noise_prediction"), std::string::npos);
  MetadataReader likelihood = MetadataReader::of_text("likelihood", "law=gaussian");
  EXPECT_EQ(read_likelihood(likelihood).distribution, Projection::gaussian);
}

TEST(EarlierNames, AreRefusedBesideTheNewOnes) {
  EXPECT_THROW(loss_of("objective=ssm law=sphere distribution=sphere"), Error);
}

// The golden cases use the names of version 0.1.
TEST(EarlierNames, OfAnEvalCaseGiveTheSameResult) {
  const SafetensorsFile earlier =
      read_safetensors(std::string(SCOREMATCH_TEST_DATA) + "/golden/cases/dsm-silu-noise-none.safetensors");
  SafetensorsFile now = earlier;
  ASSERT_EQ(now.metadata.at("parameterization"), "noise");
  now.metadata["parameterization"] = "noise_prediction";
  auto eps = now.tensors.extract("noise");
  ASSERT_FALSE(eps.empty());
  eps.key() = "eps";
  now.tensors.insert(std::move(eps));
  const Engine engine = Engine::reference();
  const SafetensorsFile before = cli::evaluate_case(engine, "earlier", earlier),
                        after = cli::evaluate_case(engine, "now", now);
  ASSERT_EQ(before.tensors.size(), after.tensors.size());
  for (const auto& [name, tensor] : before.tensors)
    EXPECT_EQ(tensor.as_double(), after.tensors.at(name).as_double()) << name;
}

TEST(LossTexts, OfProcessesKeepTheirNumbers) {
  for (const std::string& text : {std::string("schedule=vp beta_min=0.2 beta_max=10 t_min=0.001 t_max=0.9"),
                                  std::string("schedule=sub_vp beta_min=0.3 beta_max=11 t_min=0.002 t_max=0.8"),
                                  std::string("schedule=cosine t_min=0.003 t_max=0.7"),
                                  std::string("schedule=rectified_flow t_min=0.004 t_max=0.6"),
                                  std::string("schedule=ddpm levels=50 beta_min=0.001 beta_max=0.5")}) {
    const Loss loss = loss_of("objective=dsm weighting=min_snr gamma=3 " + text);
    EXPECT_EQ(loss.weighting.gamma, 3);
    const std::string written = loss_text(loss);
    EXPECT_EQ(loss_text(loss_of(written)), written);
    std::istringstream tokens("gamma=3 " + text);
    for (std::string token; tokens >> token;)
      EXPECT_NE((" " + written + " ").find(" " + token + " "), std::string::npos) << token << " in " << written;
  }
}

TEST(Kinds, OfVariantsAreThoseOfTheirNames) {
  for (const ObjectiveKind kind : values_of<ObjectiveKind>()) EXPECT_EQ(kind_of(make_objective(kind)), kind);
  for (const SamplerKind kind : values_of<SamplerKind>()) {
    MetadataReader reader = MetadataReader::of_text("sampler", std::string("sampler=") + name_of(kind));
    EXPECT_EQ(kind_of(read_sampler(reader)), kind);
  }
}

}  // namespace
}  // namespace scorematch::test
