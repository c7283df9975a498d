// `scorematch sample` with models whose samples are known: an EDM network with F = 0 is the score of a Gaussian.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "cli/files/npy.h"
#include "scorematch/checkpoint.h"
#include "support/arrays.h"
#include "support/command.h"
#include "support/gaussian_model.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

/// The variance of annealed Langevin relative to that of the model, by its recursion for a Gaussian:
/// v <- (1 - alpha / (2 (sigma^2 + sigma_data^2)))^2 v + alpha, alpha = sigma^2 / 2 at each level.
double langevin_variance(int levels, int steps_per_level) {
  const double low = 0.01, high = 20, data = kSigmaData * kSigmaData;
  double variance = high * high + data;
  for (int i = 0; i < levels; ++i) {
    const double sigma = high * std::pow(low / high, i / (levels - 1.0)), alpha = 0.5 * sigma * sigma;
    const double kept = 1 - alpha / (2 * (sigma * sigma + data));
    for (int step = 0; step < steps_per_level; ++step) variance = kept * kept * variance + alpha;
  }
  return variance / data;
}

/// @param excess the variance of the sampler relative to that of the model
void expect_gaussian(const cli::Matrix& samples, const Checkpoint& model, double excess = 1) {
  for (std::size_t j = 0; j < static_cast<std::size_t>(samples.cols); ++j) {
    std::vector<double> column;
    for (std::size_t i = j; i < samples.values.size(); i += static_cast<std::size_t>(samples.cols))
      column.push_back(static_cast<double>(samples.values[i]));
    const Moments m = moments(column);
    const double deviation = kSigmaData * model.standardization.scale[j];
    EXPECT_NEAR(m.mean, model.standardization.mean[j], kSigmas * m.mean_error()) << j;
    // The steps of the flow have an error of up to 2 percent.
    const double variance = deviation * deviation * excess;
    EXPECT_NEAR(m.variance, variance, kSigmas * m.variance_error() + 0.02 * variance) << j;
  }
}

/// The same for the reverse SDE by Euler-Maruyama, with the steps of Karras et al. 2022.
double reverse_variance(int steps) {
  const double low = 0.01, high = 20, data = kSigmaData * kSigmaData, rho = 7;
  const auto level = [&](int i) {
    return i == steps ? 0
                      : std::pow(std::pow(high, 1 / rho) +
                                     i / (steps - 1.0) * (std::pow(low, 1 / rho) - std::pow(high, 1 / rho)),
                                 rho);
  };
  double variance = high * high + data;
  for (int i = 0; i < steps; ++i) {
    const double v = level(i) * level(i) - level(i + 1) * level(i + 1), kept = 1 - v / (level(i) * level(i) + data);
    variance = kept * kept * variance + (i + 1 < steps ? v : 0);
  }
  return variance / data;
}

TEST_F(CommandSample, EverySamplerDrawsFromTheModelInUnitsOfTheData) {
  const Checkpoint model = gaussian_model({10, -200, 0.5}, {4, 0.1, 30});
  model.save(path("model.safetensors"));
  const cli::Matrix flow = sample({"-n", "4000"});
  ASSERT_EQ(flow.rows, 4000);
  ASSERT_EQ(flow.cols, 3);
  expect_gaussian(flow, model);
  const cli::Matrix langevin =
      sample({"-n", "4000", "--sampler", "annealed", "--steps", "100", "--steps-per-level", "4"});
  ASSERT_EQ(langevin.rows, 4000);
  expect_gaussian(langevin, model, langevin_variance(100, 4));
  const cli::Matrix reverse = sample({"-n", "4000", "--sampler", "sde", "--steps", "200"});
  ASSERT_EQ(reverse.rows, 4000);
  expect_gaussian(reverse, model, reverse_variance(200));
}

// f = -|x|^2 / (2 (sigma^2 + sigma_data^2)) at sigma 0.01. In units of that variance the step is 1, for which an
// unadjusted chain has 4/3 of the variance.
TEST_F(CommandSample, AChainAtOneLevelIsCorrectedOnRequest) {
  Checkpoint model = gaussian_model({10, -200}, {4, 0.1});
  model.net.kind = MlpShape::Kind::energy;
  model.params.assign(static_cast<std::size_t>(model.net.param_count()), 0.0f);
  model.save(path("model.safetensors"));
  const Arguments chain = {"-n", "4000", "--sampler", "langevin", "--steps", "40", "--step-size", "0.25"};
  expect_gaussian(sample(chain), model, 4.0 / 3);
  Arguments corrected = {"sample", "model.safetensors", "-o", "samples.npy", "--metropolis"};
  corrected.insert(corrected.end(), chain.begin(), chain.end());
  const std::string out = run_well(corrected).out;
  expect_gaussian(cli::rounded(cli::read_npy(path("samples.npy"))), model);
  const std::size_t at = out.find("acceptance  0.");
  ASSERT_NE(at, std::string::npos) << out;
  // E min(1, e^(-(|x'|^2 - |x|^2) / 8)) at d = 2 by quadrature, slightly increased by the first steps
  EXPECT_NEAR(std::strtod(out.c_str() + at + 12, nullptr), 0.876, 0.01);
}

// The variance is that of the model plus the noise of the level. The relative bias of the chain is h / (4 v).
TEST_F(CommandSample, AChainRunsAsLongAsItTakes) {
  Checkpoint model = gaussian_model({10, -200}, {4, 0.1});
  model.loss = Loss{Dsm{}, schedule::Single{0.1}};
  model.save(path("model.safetensors"));
  const Finished finished =
      run_well({"sample", "model.safetensors", "-o", "samples.npy", "-n", "4000", "--sampler", "langevin"});
  expect_gaussian(cli::rounded(cli::read_npy(path("samples.npy"))), model, (1 + 0.04) / (1 - 0.002 / (4 * 0.26)));
  EXPECT_EQ(finished.err, "");
  // 8 (0.25 + 0.01) / 0.002 steps are four relaxation times, so the correlation from halfway is e^-2.
  EXPECT_NE(finished.out.find("chains      1040 steps of size 0.002 at sigma 0.1, from N(0, 0.51^2)"),
            std::string::npos)
      << finished.out;
  const std::size_t at = finished.out.find("mixing      ");
  ASSERT_NE(at, std::string::npos) << finished.out;
  EXPECT_NEAR(std::strtod(finished.out.c_str() + at + 12, nullptr), 4, 0.7) << finished.out;
}

// At the smallest of many levels, a chain would need a million steps to spread over the data, so it starts from samples
// of the flow.
TEST_F(CommandSample, AChainAtTheSmallestOfManyLevelsStartsFromTheFlow) {
  const Checkpoint model = gaussian_model({10, -200}, {4, 0.1});
  model.save(path("model.safetensors"));
  const Finished finished =
      run_well({"sample", "model.safetensors", "-o", "samples.npy", "-n", "4000", "--sampler", "langevin"});
  expect_gaussian(cli::rounded(cli::read_npy(path("samples.npy"))), model);
  EXPECT_EQ(finished.err, "");
  EXPECT_NE(finished.out.find("chains      100 steps of size 2e-05 at sigma 0.01, from samples of the flow"),
            std::string::npos)
      << finished.out;
  const Finished from_afar = run_well({"sample", "model.safetensors", "-o", "samples.npy", "--sampler", "langevin",
                                       "--sigma-start", "3", "--steps", "50"});
  EXPECT_NE(from_afar.err.find("the chains have hardly moved"), std::string::npos) << from_afar.err;
  EXPECT_NE(from_afar.out.find("from N(0, 3^2)"), std::string::npos) << from_afar.out;
}

TEST_F(CommandSample, AChainThatHasNotMovedSaysSo) {
  Checkpoint model = gaussian_model({10}, {4});
  model.loss = Loss{Dsm{}, schedule::Single{0.1}};
  model.save(path("model.safetensors"));
  const Finished finished = run_well(
      {"sample", "model.safetensors", "-o", "samples.npy", "-n", "500", "--sampler", "langevin", "--steps", "100"});
  EXPECT_NE(finished.err.find("scorematch: warning: the chains have hardly moved"), std::string::npos) << finished.err;
  EXPECT_EQ(lines_of(finished.err).size(), 1u) << finished.err;
  // The same at a level so low that the steps would take hours.
  model.loss->schedule = schedule::Single{0.001};
  model.save(path("model.safetensors"));
  const Finished low = run_well({"sample", "model.safetensors", "-o", "samples.npy", "-n", "2", "--sampler", "langevin",
                                 "--engine", "reference"});
  EXPECT_NE(
      low.err.find("--steps: a chain at sigma 0.001 needs about 1e+07 steps to forget its start, and runs only 20000"),
      std::string::npos)
      << low.err;
}

TEST_F(CommandSample, ALevelAloneIsNoRange) {
  Checkpoint model = gaussian_model({10}, {4});
  const auto refused = [&](const std::string& name, const Arguments& more, const std::vector<std::string>& words) {
    model.save(path("model.safetensors"));
    Arguments arguments = {"sample", "model.safetensors", "-o", "samples.npy"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished finished = run(arguments);
    EXPECT_EQ(finished.exit_code, 1) << name;
    EXPECT_EQ(lines_of(finished.err).size(), 1u) << finished.err;
    for (const std::string& word : words) EXPECT_NE(finished.err.find(word), std::string::npos) << finished.err;
    EXPECT_EQ(listing().size(), 1u) << name;
  };
  const std::vector<std::string> single = {"--sampler: expected langevin", "a single level of noise (sigma 0.1)"};
  for (const char* sampler : {"flow", "sde", "annealed"}) {
    model.metadata = {{"sigma_min", "0.1"}, {"sigma_max", "0.1"}};  // as written by earlier versions
    model.loss.reset();
    refused("metadata", {"--sampler", sampler}, single);
    model.metadata.clear();
    model.loss = Loss{Dsm{}, schedule::Single{0.1}};
    refused("loss", {"--sampler", sampler}, single);
    refused("asked for more", {"--sampler", sampler, "--sigma-max", "10"}, single);
    model.loss->schedule = schedule::LogNormal{std::log(0.1), 0.05};
    refused("hardly a range", {"--sampler", sampler}, {"--sampler: expected langevin", "a single level"});
    model.loss->schedule = schedule::Geometric{0.01, 20};
    refused("asked for one", {"--sampler", sampler, "--sigma-min", "3", "--sigma-max", "5"},
            {"--sigma-min: expected a range of noise", "3 to 5"});
    model.net.parameterization = parameterization::Plain{};
    model.net.conditioning = conditioning::None{};
    model.params.assign(static_cast<std::size_t>(model.net.param_count()), 0.0f);
    refused("ignores sigma", {"--sampler", sampler}, {"--sampler: expected langevin", "ignores sigma"});
    model.loss = Loss{Ism{}};
    refused("no noise", {"--sampler", sampler}, {"--sampler: expected langevin", "ignores sigma"});
    model = gaussian_model({10}, {4});
  }
}

// The start has the width of the data with the largest noise, as in `likelihood`.
TEST_F(CommandSample, StartsAsWideAsTheData) {
  Checkpoint model = gaussian_model({10, 0}, {4, 1});
  model.loss = Loss{Dsm{}, schedule::Geometric{0.01, 0.5}, weighting::Edm{kSigmaData}};
  model.save(path("model.safetensors"));
  for (const char* sampler : {"flow", "annealed", "sde"}) {
    const Finished finished =
        run_well({"sample", "model.safetensors", "-o", "samples.npy", "-n", "4000", "--sampler", sampler});
    expect_gaussian(cli::rounded(cli::read_npy(path("samples.npy"))), model,
                    sampler == std::string("annealed") ? 1.03 : 1);
    // But 0.5 is too small for data that are not Gaussian, so there is a warning.
    EXPECT_NE(
        finished.err.find("scorematch: warning: sigma-max 0.5 is small compared with the data, whose largest standard "
                          "deviation is 0.5"),
        std::string::npos)
        << finished.err;
    EXPECT_EQ(lines_of(finished.err).size(), 1u) << finished.err;
  }
  // Without a prior, the flow carries N(0, 0.5^2 I) to half the variance.
  run_well({"sample", "model.safetensors", "-o", "samples.npy", "-n", "4000", "--prior-deviation", "0"});
  expect_gaussian(cli::rounded(cli::read_npy(path("samples.npy"))), model, 0.5);
  model.metadata = {{"data.deviation", "0.5"}, {"data.largest_deviation", "0.7"}};
  model.loss->schedule = schedule::Geometric{0.01, 2.5};
  model.save(path("model.safetensors"));
  const Arguments flow = {"sample", "model.safetensors", "-o", "samples.npy"};
  EXPECT_NE(run_well(flow).err.find("largest standard deviation is 0.7"), std::string::npos);
  model.loss->schedule = schedule::Geometric{0.01, 2.9};
  model.save(path("model.safetensors"));
  EXPECT_EQ(run_well(flow).err, "");
}

/// The mean deviation and the correlation of columns 0 and 1.
struct Spread {
  double deviation, correlation;
};
Spread spread_of(const cli::Matrix& matrix) {
  std::vector<double> a, b;
  for (std::size_t i = 0; i < matrix.values.size(); i += 2) {
    a.push_back(static_cast<double>(matrix.values[i]));
    b.push_back(static_cast<double>(matrix.values[i + 1]));
  }
  return {std::sqrt((moments(a).variance + moments(b).variance) / 2), correlation(a, b)};
}

// Samples of a trained model with the defaults of every sampler. The data are two columns of deviation 1 with
// correlation 0.8. Their spread is known to 1 percent, and training takes seconds.
TEST_F(CommandSample, EverySamplerHasTheSpreadOfATrainedModel) {
  const std::vector<double> z = normal_values(2 * 8000, 3);
  cli::Matrix data{8000, 2, {}};
  for (std::size_t i = 0; i < z.size(); i += 2) {
    data.values.push_back(static_cast<float>(z[i]));
    data.values.push_back(static_cast<float>(0.8 * z[i] + 0.6 * z[i + 1]));
  }
  cli::write_npy(path("data.npy"), data);
  run_well({"train", "data.npy", "-o", "range", "--hidden", "64,64", "--steps", "1500"});
  run_well({"train", "data.npy", "-o", "single", "--hidden", "64,64", "--steps", "1500", "--schedule", "single",
            "--sigma", "0.1", "--parameterization", "noise_prediction", "--conditioning", "none", "--weighting",
            "sigma2"});
  const auto expect_spread = [&](const std::string& model, const std::string& sampler, double noise) {
    const Finished finished =
        run_well({"sample", model + "/model.safetensors", "-o", "samples.npy", "-n", "4000", "--sampler", sampler});
    const Spread got = spread_of(cli::rounded(cli::read_npy(path("samples.npy"))));
    // Samples of chains include the noise of the level, which is in units of a deviation of 0.5.
    const double variance = 1 + 4 * noise * noise;
    EXPECT_NEAR(got.deviation, std::sqrt(variance), 0.06) << sampler;
    EXPECT_NEAR(got.correlation, 0.8 / variance, 0.05) << sampler;
    EXPECT_EQ(finished.err, "") << sampler;
  };
  for (const char* sampler : {"flow", "sde", "annealed"}) expect_spread("range", sampler, 0);
  expect_spread("range", "langevin", std::exp(-1.2 - 3 * 1.2));
  expect_spread("single", "langevin", 0.1);
}

TEST_F(CommandSample, AcceptanceIsRefusedWhereThereIsNone) {
  gaussian_model({0}, {1}).save(path("model.safetensors"));
  const Arguments flow = {"sample", "model.safetensors", "-o", "new.npy", "--metropolis"};
  Arguments chain = flow;
  chain.insert(chain.end(), {"--sampler", "langevin"});
  const Finished of_flow = run(flow), of_score_net = run(chain);
  EXPECT_EQ(of_flow.exit_code, 2);
  EXPECT_NE(of_flow.err.find("--metropolis: needs --sampler langevin, got --sampler flow"), std::string::npos)
      << of_flow.err;
  EXPECT_EQ(of_score_net.exit_code, 1);
  EXPECT_NE(of_score_net.err.find("--metropolis: expected an energy net"), std::string::npos) << of_score_net.err;
  EXPECT_EQ(listing().size(), 1u);
}

// Column 1 was constant. It is not part of the network, and the samples have it again.
TEST_F(CommandSample, ConstantColumnsComeBack) {
  Checkpoint model = gaussian_model({10, 20}, {4, 2});
  model.save(path("model.safetensors"));
  const cli::Matrix without = sample({"-n", "10"});
  model.standardization = {{10, 0.1, 20}, {4, 0, 2}, {}};
  model.save(path("model.safetensors"));
  const cli::Matrix with = sample({"-n", "10", "--image", "1x3"});
  ASSERT_EQ(with.cols, 3);
  ASSERT_EQ(with.rows, 10);
  for (std::size_t i = 0; i < 10; ++i)
    EXPECT_EQ((std::vector<float>(with.values.begin() + 3 * i, with.values.begin() + 3 * i + 3)),
              (std::vector<float>{without.values[2 * i], 0.1f, without.values[2 * i + 1]}));
}

// A model written by C++ has its noise only in its loss. The metadata of older files of the command also work.
TEST_F(CommandSample, TheNoiseOfTheModelsLossIsSampledFrom) {
  Checkpoint model = gaussian_model({10}, {4});
  model.save(path("model.safetensors"));
  const cli::Matrix old = sample({"-n", "10"});
  model.metadata.clear();
  model.loss = Loss{Dsm{}, schedule::Geometric{0.01, 20}, weighting::Edm{kSigmaData}};
  model.save(path("model.safetensors"));
  EXPECT_EQ(sample({"-n", "10"}).values, old.values);
  model.loss->schedule = schedule::LogNormal{std::log(std::sqrt(0.01 * 20)), std::log(20 / 0.01) / 6};
  model.save(path("model.safetensors"));
  const cli::Matrix log_normal = sample({"-n", "10"});
  for (std::size_t i = 0; i < 10; ++i) EXPECT_NEAR(log_normal.values[i], old.values[i], 1e-3);
}

TEST_F(CommandSample, TheReferenceDrawsTheSameSamples) {
  const Checkpoint model = gaussian_model({1, 2}, {3, 4});
  model.save(path("model.safetensors"));
  const cli::Matrix fast = sample({"-n", "50"}), exact = sample({"-n", "50", "--engine", "reference"});
  for (std::size_t i = 0; i < fast.values.size(); ++i) EXPECT_NEAR(fast.values[i], exact.values[i], 1e-3) << i;
}

TEST_F(CommandSample, ASampleDoesNotDependOnHowManyAreDrawn) {
  gaussian_model({0}, {1}).save(path("model.safetensors"));
  const cli::Matrix few = sample({"-n", "10", "--seed", "5", "--steps", "10"});
  const cli::Matrix many = sample({"-n", "5000", "--seed", "5", "--steps", "10"});  // more than one batch
  const cli::Matrix others = sample({"-n", "10", "--seed", "6", "--steps", "10"});
  ASSERT_EQ(many.rows, 5000);
  EXPECT_EQ(few.values, std::vector<float>(many.values.begin(), many.values.begin() + 10));
  EXPECT_NE(few.values, others.values);
}

TEST_F(CommandSample, TheAverageOfTheParametersIsSampledWhereThereIsOne) {
  Checkpoint model = gaussian_model({0}, {1});
  model.adam.emplace();
  model.adam->options.ema_decay = 0.9;
  model.adam->progress.step = 100;
  model.adam->first_moment = model.adam->second_moment = model.adam->ema = model.params;
  for (float& each : model.params) each = 1;  // these must not be used
  model.save(path("model.safetensors"));
  expect_gaussian(sample({"-n", "4000"}), model);
}

}  // namespace
}  // namespace scorematch::testing_support
