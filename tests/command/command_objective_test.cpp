// `scorematch train` with objectives other than DSM and default options: it learns, or says that it cannot.
#include <gtest/gtest.h>

#include <cmath>

#include "model/names.h"
#include "scorematch/checkpoint.h"
#include "support/mixture.h"
#include "support/train_command.h"

namespace scorematch::testing_support {
namespace {

const std::vector<std::string> kObjectives = {"ssm", "ssm_vr", "ism"};

class CommandObjective : public CommandTest {
 protected:
  CommandObjective() {
    const Mixture mixture({{0.4, {2, 1}, 0.6}, {0.6, {-2, -1}, 0.6}});
    const std::vector<double> rows = mixture.samples(6000, 1);
    write("mixture.npy", {rows.begin(), rows.end()});
    std::vector<float> circle;
    for (float t = 0; t < 3000; ++t)  // the golden angle
      circle.insert(circle.end(), {10 + 3 * std::cos(2.399963f * t), 5 + 3 * std::sin(2.399963f * t)});
    write("circle.npy", circle);
  }

  void write(const std::string& name, const std::vector<float>& values) {
    cli::write_npy(path(name), {static_cast<std::int64_t>(values.size()) / 2, 2, values});
  }
  Finished train(const std::string& data, const std::string& objective, const Arguments& more) {
    Arguments arguments = {"train", data + ".npy", "-o", "run", "--overwrite", "--objective", objective};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_well(arguments);
  }
};

bool has_line(const Finished& finished, const std::string& word) {
  for (const std::string& line : lines_of(finished.out))
    if (line.rfind(word + " ", 0) == 0) return true;
  return false;
}

// The difference is 0.08 to 0.12 with a standard error of 0.02 to 0.03. With --weighting edm it is about as large as
// its error.
TEST_F(CommandObjective, LearnsAMixtureByItsDefaults) {
  for (const std::string& objective : kObjectives) {
    const Finished finished =
        train("mixture", objective, {"--hidden", "64,64,64", "--steps", "3000", "--validation", "0.3"});
    EXPECT_TRUE(contains(finished.out, "the network is better than the Gaussian's by 0.")) << finished.out;
    EXPECT_FALSE(has_line(finished, "warning") || has_line(finished, "try")) << finished.out;
    EXPECT_TRUE(contains(finished.out, "objective   " + objective)) << finished.out;
    EXPECT_TRUE(contains(finished.out, ", weighting sigma2\n")) << finished.out;
  }
}

TEST_F(CommandObjective, TakesProcessesWithTheirPublishedChoices) {
  struct Row {
    const char *schedule, *parameterization;
    Weighting::Kind weighting;
  };
  const Row rows[] = {{"rectified_flow", "velocity", Weighting::Kind::velocity},
                      {"ddpm", "epsilon", Weighting::Kind::sigma2},
                      {"cosine", "v_prediction", Weighting::Kind::v_prediction},
                      {"vp", "data_prediction", Weighting::Kind::truncated_snr},
                      {"sub_vp", "edm", Weighting::Kind::edm}};
  for (const Row& row : rows) {
    const Finished finished = train("mixture", "dsm",
                                    {"--schedule", row.schedule, "--parameterization", row.parameterization, "--hidden",
                                     "8", "--steps", "20", "--samples", "50"});
    EXPECT_TRUE(contains(finished.out, std::string("of the process ") + row.schedule)) << finished.out;
    EXPECT_TRUE(contains(finished.out, "standard deviation 1,")) << finished.out;
    const Checkpoint model = Checkpoint::load(path("run/model.safetensors"));
    EXPECT_EQ(name_of(model.net.parameterization.kind), std::string(row.parameterization));
    EXPECT_EQ(name_of(model.loss->schedule.kind), std::string(row.schedule));
    EXPECT_EQ(model.loss->weighting.kind, row.weighting);
  }
}

TEST_F(CommandObjective, LearnsAnEnergyByItsDefaults) {
  for (const std::string objective : {"dsm", "ssm", "ssm_vr", "ism"}) {
    const Finished finished = train(
        "mixture", objective, {"--net", "energy", "--hidden", "64,64,64", "--steps", "2000", "--validation", "0.3"});
    EXPECT_TRUE(contains(finished.out, "the network is better than the Gaussian's by 0.")) << finished.out;
    EXPECT_FALSE(has_line(finished, "warning") || has_line(finished, "try")) << finished.out;
  }
}

// In model units, the loss of the linear score is -4, and that of the mixture's score is about -33.
TEST_F(CommandObjective, LearnsWithoutNoise) {
  for (const std::string& objective : kObjectives) {
    const Finished finished = train("mixture", objective, {"--schedule", "none"});
    EXPECT_TRUE(contains(finished.out, "objective   " + objective)) << finished.out;
    EXPECT_TRUE(contains(finished.out, ", unweighted\n")) << finished.out;
    EXPECT_FALSE(has_line(finished, "warning") || has_line(finished, "try")) << finished.out;
    const std::string better = "the network is better than the Gaussian's by ";
    const std::size_t at = finished.out.find(better);
    ASSERT_NE(at, std::string::npos) << finished.out;
    const double gain = std::strtod(finished.out.c_str() + at + better.size(), nullptr);
    EXPECT_GT(gain, 15) << finished.out;
    EXPECT_LT(gain, 40) << finished.out;
    const Checkpoint model = Checkpoint::load(path("run/model.safetensors"));
    EXPECT_TRUE(model.net.parameterization.kind == Parameterization::Kind::plain);
    EXPECT_TRUE(model.net.conditioning.kind == Conditioning::Kind::none);
  }
}

TEST_F(CommandObjective, WithoutNoiseOnACurveDivergesAndSaysSo) {
  for (const std::string kind : {"score", "energy"}) {
    for (const std::string& objective : kObjectives) {
      const Finished finished = train("circle", objective, {"--schedule", "none", "--net", kind});
      EXPECT_TRUE(contains(finished.out, "\nwarning     the loss falls without bound")) << finished.out;
      EXPECT_TRUE(contains(finished.out, "\ntry         noise: the same command without --schedule none"))
          << finished.out;
      EXPECT_FALSE(contains(finished.out, "better than the Gaussian's")) << finished.out;
    }
  }
}

TEST_F(CommandObjective, DefaultsDoNotReplaceWhatIsGiven) {
  const Arguments quick = {"--steps", "3", "--samples", "0"};
  const auto with = [&](Arguments more) {
    more.insert(more.end(), quick.begin(), quick.end());
    return more;
  };
  Finished finished = train("mixture", "ssm", with({"--weighting", "edm"}));
  EXPECT_TRUE(contains(finished.out, "objective   ssm, 1 rademacher direction, weighting edm\n")) << finished.out;
  finished = train("mixture", "ssm", with({"--projections", "3", "--distribution", "sphere", "--weighting", "none"}));
  EXPECT_TRUE(contains(finished.out, "objective   ssm, 3 sphere directions, unweighted\n")) << finished.out;
  finished = train("mixture", "dsm", with({"--variance", "antithetic"}));
  EXPECT_TRUE(contains(finished.out, "objective   dsm (antithetic), weighting edm\n")) << finished.out;
  finished = train("mixture", "ism", with({"--schedule", "none", "--hidden", "7"}));
  EXPECT_TRUE(contains(finished.out, "2 -> 7 -> 2")) << finished.out;
  EXPECT_TRUE(contains(finished.out, "steps       3 of 3")) << finished.out;
}

}  // namespace
}  // namespace scorematch::testing_support
