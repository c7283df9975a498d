// `scorematch export` and `import`: models to and from PyTorch. tests/golden/make_state_dict.py made the files.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "formats/safetensors.h"
#include "formats/spec_plans.h"
#include "scorematch/checkpoint.h"
#include "scorematch/engine.h"
#include "scorematch/score.h"
#include "support/command.h"
#include "support/full_checkpoint.h"

namespace scorematch::testing_support {
namespace {

const std::string kGolden = std::string(SCOREMATCH_TEST_DATA) + "/golden/state_dict/";
const Arguments kTorchNet = {"--activation",     "gelu",           "--parameterization",
                             "noise_prediction", "--conditioning", "fourier"};

Arguments import_of(const std::string& state_dict, const Arguments& more = {}) {
  Arguments arguments = {"import", state_dict, "-o", "model.safetensors"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}
Arguments with(Arguments arguments, const Arguments& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

class CommandExchange : public CommandTest {
 protected:
  Checkpoint model(const std::string& name = "model.safetensors") const { return Checkpoint::load(path(name)); }
};

/// Scores in double of a network whose parameters are float32.
std::vector<double> scores(const Checkpoint& model, const Tensor& x, const Tensor& sigma) {
  const Engine engine = Engine::reference();
  const std::int64_t rows = x.shape[0];
  const ScorePlan plan(engine, model.net, rows);
  Queue queue(engine, plan.workspace_bytes());
  auto params = engine.upload(model.params);
  auto points = engine.upload(x.as_double(), {rows, x.shape[1]});
  auto levels = engine.upload(sigma.as_double());
  auto score = engine.allocate<double>({rows, x.shape[1]});
  ScorePlan::In in{params, {points}};
  in.batch.sigma = levels;
  ScorePlan::Out out;
  out.score = score;
  plan.run(queue, in, out);
  return queue.read(score);
}

TEST_F(CommandExchange, ANetworkFromPyTorchGivesItsScoresInEveryType) {
  const SafetensorsFile expected = read_safetensors(kGolden + "expected.safetensors");
  for (const std::string type : {"F32", "F64", "F16", "BF16"}) {
    SCOPED_TRACE(type);
    run_well(import_of(kGolden + type + ".safetensors", with(kTorchNet, {"--frequencies", "frequencies"})));
    const Checkpoint net = model();
    EXPECT_EQ(net.net.dim, 3);
    EXPECT_EQ(net.net.hidden, (std::vector<int>{8, 7}));
    EXPECT_FALSE(net.adam);
    const std::vector<double> got = scores(net, expected.tensors.at("x"), expected.tensors.at("sigma")),
                              want = expected.tensors.at("score." + type).as_double();
    ASSERT_EQ(got.size(), want.size());
    // Both compute in double, with 20 roundings per layer in three layers, on sums of a few numbers near 1.
    for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-13 * (1 + std::abs(want[i]))) << i;
  }
  EXPECT_NE(expected.tensors.at("score.F32").as_double(), expected.tensors.at("score.F16").as_double());
  EXPECT_EQ(expected.tensors.at("score.F32").as_double(), expected.tensors.at("score.F64").as_double());
}

TEST_F(CommandExchange, WhatPyTorchSavedComesBackAsItWas) {
  run_well(import_of(kGolden + "F32.safetensors", with(kTorchNet, {"--frequencies", "frequencies"})));
  run_well({"export", "model.safetensors", "-o", "back.safetensors", "--names", "net.{index}"});
  const SafetensorsFile before = read_safetensors(kGolden + "F32.safetensors"),
                        after = read_safetensors(path("back.safetensors"));
  ASSERT_EQ(before.tensors.size(), after.tensors.size());
  for (const auto& [name, tensor] : before.tensors) {
    const Tensor& back = after.tensors.at(name == "frequencies" ? "fourier.frequencies" : name);
    EXPECT_EQ(back.shape, tensor.shape) << name;
    EXPECT_TRUE(back.values == tensor.values) << name;
  }
}

TEST_F(CommandExchange, ModulesAreFoundByPatternByListAndByTheOrderOfTheirNames) {
  const Arguments options = with(kTorchNet, {"--frequencies", "frequencies"});
  run_well(import_of(kGolden + "F32.safetensors", options));
  const std::string first = read_file(path("model.safetensors"));
  for (const Arguments& more : {Arguments{"--names", "net.{index}"}, Arguments{"--layers", "net.0,net.2,net.4"}}) {
    run_well(import_of(kGolden + "F32.safetensors", with(options, more)));
    EXPECT_TRUE(read_file(path("model.safetensors")) == first);
  }
  // Twelve layers, where 10 and 11 must come after 9, with a prefix and with tensors of other modules.
  Checkpoint deep;
  deep.net = MlpShape::score(2, std::vector<int>(11, 2), Activation::tanh);
  deep.params = deep.net.initial_params(3, Initialization::torch);
  deep.save(path("deep.safetensors"));
  run_well({"export", "deep.safetensors", "-o", "state.safetensors", "--names", "{layer}", "--prefix", "score.fc"});
  SafetensorsFile file = read_safetensors(path("state.safetensors"));
  EXPECT_EQ(file.tensors.count("score.fc11.weight"), 1u);
  file.tensors["other.weight"] = {{5, 5}, std::vector<float>(25)};
  write_safetensors(path("state.safetensors"), file);
  run_well(import_of("state.safetensors", {"--prefix", "score.fc"}));
  EXPECT_EQ(model().params, deep.params);
  run_well(import_of("state.safetensors", {"--prefix", "score.", "--names", "fc{layer}"}));
  EXPECT_EQ(model().params, deep.params);
}

TEST_F(CommandExchange, EveryModelComesBackToTheBit) {
  int seed = 0;
  for (const auto kind : {MlpShape::Kind::score, MlpShape::Kind::energy})
    for (const Parameterization& parameterization :
         {Parameterization(parameterization::Plain{}), Parameterization(parameterization::Ncsn{}),
          Parameterization(parameterization::NoisePrediction{}), Parameterization(parameterization::Edm{1.0 / 3})})
      for (const Conditioning& conditioning :
           {Conditioning(conditioning::None{}), Conditioning(conditioning::LogSigma{}),
            Conditioning(conditioning::Fourier::random(3, 0.7, 5))}) {
        SCOPED_TRACE(seed);
        MlpShape net = MlpShape::score(3, {4, 4}, seed % 2 == 0 ? Activation::silu : Activation::softplus);
        net.kind = kind, net.parameterization = parameterization, net.conditioning = conditioning;
        net.residual = ++seed % 2 == 0;
        Checkpoint before = test::full_checkpoint(net, true);
        before.metadata = {
            {"sigma_min", "0.01"}, {"data.dequantize.steps", "1,0"}, {"data.grid_offset", "0,0"}, {"train.batch", "5"}};
        before.save(path("before.safetensors"));
        // Each choice occurs with every conditioning and with both kinds of net.
        const std::string which = std::array{"sampling", "last", "average"}[static_cast<std::size_t>(seed / 3 % 3)];
        run_well({"export", "before.safetensors", "-o", "state.safetensors", "--params", which});
        EXPECT_EQ(read_safetensors(path("state.safetensors")).metadata.at("format"), "pt");
        run_well(import_of("state.safetensors"));
        const Checkpoint after = model();
        EXPECT_TRUE(after.params == (which == "last" ? before.params : before.adam->ema)) << which;
        EXPECT_EQ(after.standardization.mean, before.standardization.mean);
        EXPECT_EQ(after.standardization.scale, before.standardization.scale);
        ASSERT_TRUE(after.loss);
        EXPECT_EQ(loss_text(*after.loss), loss_text(*before.loss));
        EXPECT_EQ(after.metadata,
                  (std::map<std::string, std::string>{
                      {"sigma_min", "0.01"}, {"data.dequantize.steps", "1,0"}, {"data.grid_offset", "0,0"}}));
        EXPECT_EQ(after.net.kind, kind);
        EXPECT_EQ(after.net.activation, net.activation);
        EXPECT_EQ(after.net.residual, net.residual);
        EXPECT_EQ(after.net.parameterization.kind, parameterization.kind);
        if (after.net.conditioning.kind == Conditioning::Kind::fourier) {
          EXPECT_EQ(after.net.conditioning.frequencies, conditioning.frequencies);
        }
      }
}

TEST_F(CommandExchange, LayersOnlyIsWhatAnNnSequentialHas) {
  test::full_checkpoint(test::fourier_net(), false).save(path("before.safetensors"));
  run_well({"export", "before.safetensors", "-o", "state.safetensors", "--layers-only"});
  std::vector<std::string> names;
  for (const auto& [name, tensor] : read_safetensors(path("state.safetensors")).tensors) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"0.bias", "0.weight", "2.bias", "2.weight"}));
}

TEST_F(CommandExchange, AnImportedModelIsSampledFrom) {
  run_well(import_of(kGolden + "BF16.safetensors",
                     with(kTorchNet, {"--frequencies", "frequencies", "--sigma-min", "0.02", "--sigma-max", "4"})));
  run_well({"sample", "model.safetensors", "-n", "5", "-o", "samples.npy", "--steps", "4"});
  EXPECT_EQ(model().metadata.at("sigma_max"), "4");
}

}  // namespace
}  // namespace scorematch::testing_support
