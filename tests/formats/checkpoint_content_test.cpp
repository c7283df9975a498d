// Valid safetensors files that are not checkpoints: with a tensor or a name too many, too few, or with wrong content.
#include <limits>

#include "formats/safetensors.h"
#include "support/files.h"
#include "support/full_checkpoint.h"
#include "support/refusal.h"

namespace scorematch::test {
namespace {

struct Row {
  const char* name;
  std::function<void(SafetensorsFile&)> spoil;
  const char* part;  // named by the message
  const char *expected, *got;
};

std::function<void(SafetensorsFile&)> without(const char* tensor) {
  return [=](SafetensorsFile& f) { EXPECT_EQ(f.tensors.erase(tensor), 1u); };
}
std::function<void(SafetensorsFile&)> without_key(const char* key) {
  return [=](SafetensorsFile& f) { EXPECT_EQ(f.metadata.erase(key), 1u); };
}
std::function<void(SafetensorsFile&)> with(const char* key, const std::string& value) {
  return [=](SafetensorsFile& f) { f.metadata[key] = value; };
}
std::function<void(SafetensorsFile&)> shaped(const char* tensor, const std::vector<std::int64_t>& shape) {
  return [=](SafetensorsFile& f) {
    std::int64_t count = 1;
    for (const std::int64_t each : shape) count *= each;
    f.tensors[tensor] = {shape, std::vector<float>(static_cast<std::size_t>(count), 0.5f)};
  };
}
std::function<void(SafetensorsFile&)> in_double(const char* tensor) {
  return [=](SafetensorsFile& f) { f.tensors.at(tensor).values = f.tensors.at(tensor).as_double(); };
}
std::function<void(SafetensorsFile&)> holding(const char* tensor, double value) {
  return [=](SafetensorsFile& f) {
    std::visit([&](auto& v) { v.back() = static_cast<std::decay_t<decltype(v[0])>>(value); },
               f.tensors.at(tensor).values);
  };
}

// The net: 2 inputs and 4 features, 3 hidden, 2 outputs.
std::vector<Row> bad_tensors() {
  return {
      {"no first layer", without("layers.0.weight"), "layers.0.weight", "[out, in]", "nothing"},
      {"no bias", without("layers.1.bias"), "layers.1.bias", "[2]", "nothing"},
      {"no last layer",
       [](SafetensorsFile& f) { f.tensors.erase("layers.1.weight"), f.tensors.erase("layers.1.bias"); },
       "the last layer", "2 outputs", "3"},
      {"an extra layer", shaped("layers.2.weight", {2, 2}), "layers.2.bias", "[2]", "nothing"},
      {"a layer after a gap", shaped("layers.3.weight", {2, 2}), "layers.3.weight", "no tensor of this name", "one"},
      {"a tensor of no layer", shaped("layers.0.scale", {2}), "layers.0.scale", "no tensor of this name", "one"},
      {"a weight of one axis", shaped("layers.0.weight", {18}), "layers.0.weight", "[out, in]", "[18]"},
      {"a weight of no rows", shaped("layers.0.weight", {0, 6}), "layers.0.weight", "[out, in]", "[0, 6]"},
      {"a transposed weight", shaped("layers.0.weight", {6, 3}), "the last layer", "-1 outputs", "2"},
      {"too few inputs", shaped("layers.0.weight", {3, 4}), "the last layer", "0 outputs", "2"},
      {"layers that do not fit", shaped("layers.1.weight", {2, 4}), "layers.1.weight", "[2, 3]", "[2, 4]"},
      {"outputs that are not the inputs", shaped("layers.1.weight", {3, 3}), "the last layer", "2 outputs", "3"},
      {"a bias too long", shaped("layers.0.bias", {4}), "layers.0.bias", "[3]", "[4]"},
      {"a bias of two axes", shaped("layers.0.bias", {3, 1}), "layers.0.bias", "[3]", "[3, 1]"},
      {"a weight in float64", in_double("layers.0.weight"), "layers.0.weight", "F32", "F64"},
      {"a weight not a number", holding("layers.1.weight", kNan), "layers", "finite values", "nan at 26"},
      {"a bias infinite", holding("layers.0.bias", kInf), "layers", "finite values", "inf at 20"},
      {"no frequencies", without("fourier.frequencies"), "conditioning", "a tensor fourier.frequencies", "none"},
      {"frequencies of two axes", shaped("fourier.frequencies", {2, 1}), "fourier.frequencies", "[F]", "[2, 1]"},
      {"an extra frequency", shaped("fourier.frequencies", {3}), "the last layer", "0 outputs", "2"},
      {"frequencies past the inputs", shaped("fourier.frequencies", {7}), "the last layer", "-8 outputs", "2"},
      {"a frequency not a number", holding("fourier.frequencies", kNan), "conditioning.frequencies", "finite values",
       "nan"},
      {"frequencies of another conditioning", with("conditioning", "log_sigma"), "conditioning",
       "fourier, because fourier.frequencies is given", "another"},
      {"no mean", without("data.mean"), "data.mean", "[columns]", "nothing"},
      {"no scale", without("data.scale"), "data.scale", "[3]", "nothing"},
      {"an extra scale", shaped("data.scale", {4}), "data.scale", "[3]", "[4]"},
      {"no columns", shaped("data.mean", {0}), "data.mean", "[columns]", "[0]"},
      {"a scale of 0 too many", holding("data.scale", 0), "data.scale", "2 values > 0", "1"},
      {"a scale too many", shaped("data.scale", {3}), "data.scale", "2 values > 0", "3"},
      {"a scale negative", holding("data.scale", -1), "data.scale", "finite values >= 0", "-1 at 2"},
      {"a scale infinite", holding("data.scale", kInf), "data.scale", "finite values >= 0", "inf at 2"},
      {"a mean infinite", holding("data.mean", -kInf), "data.mean", "finite values", "-inf at 2"},
      {"no moment", without("adam.first_moment.layers.0.bias"), "adam.first_moment.layers.0.bias", "[3]", "nothing"},
      {"a transposed moment", shaped("adam.second_moment.layers.1.weight", {3, 2}),
       "adam.second_moment.layers.1.weight", "[2, 3]", "[3, 2]"},
      {"a moment not a number", holding("adam.first_moment.layers.1.bias", kNan), "adam.first_moment", "finite values",
       "nan at 28"},
      {"a square negative", holding("adam.second_moment.layers.1.bias", -1), "adam.second_moment", "values >= 0", "-1"},
      {"no average", without("ema.layers.1.weight"), "ema.layers.1.weight", "[2, 3]", "nothing"},
      {"an average not a number", holding("ema.layers.0.weight", kNan), "adam.ema", "finite values", "nan at 17"},
      {"no best bias", without("best.layers.1.bias"), "best.layers.1.bias", "[2]", "nothing"},
      {"a best weight not a number", holding("best.layers.0.weight", kNan), "best.layers", "finite values",
       "nan at 17"},
      {"best parameters that are not declared",
       [](SafetensorsFile& f) { EXPECT_EQ(f.metadata.erase("best.sampled_with"), 1u); }, "best.layers.0.bias",
       "no tensor of this name", "one"},
      {"an array in float32", shaped("user.history", {3}), "user.history", "F64", "F32"},
      {"an array of two axes", shaped("user.history", {3, 1}), "user.history", "[any]", "[3, 1]"},
      {"an average that is not kept", with("adam.ema_decay", "0"), "ema.layers.0.bias", "no tensor of this name",
       "one"},
  };
}

std::vector<Row> bad_names() {
  return {
      {"no format", without_key("format"), "'format'", "a value", "nothing"},
      {"another format", with("format", "scorematch-checkpoint-2"), "'format'", "scorematch-checkpoint-1",
       "'scorematch-checkpoint-2'"},
      {"an unknown name", with("color", "green"), "'color'", "one of the keys ", "'green'"},
      {"best parameters selected by a word", with("best.sampled_with", "yes"), "'best.sampled_with'", "true or false",
       "'yes'"},
      {"an unknown name of Adam's", with("adam.beta3", "0.5"), "'adam.beta3'", "one of the keys ", "'0.5'"},
      {"an unknown name with a very long value", with("color", std::string(9999, 'g')), "'color'", "one of the keys ",
       "'ggg"},
      {"no net", without_key("net"), "'net'", "a value", "nothing"},
      {"a net of another kind", with("net", "Score"), "'net'", "one of score, energy", "'Score'"},
      {"an energy net of two outputs", with("net", "energy"), "the last layer", "1 outputs", "2"},
      {"no activation", without_key("activation"), "'activation'", "a value", "nothing"},
      {"no such activation", with("activation", "relu"), "'activation'", "one of silu, softplus, tanh, gelu", "'relu'"},
      {"no parameterization", without_key("parameterization"), "'parameterization'", "a value", "nothing"},
      {"no such parameterization", with("parameterization", ""), "'parameterization'", "one of plain, ncsn", "''"},
      {"no conditioning", without_key("conditioning"), "'conditioning'", "a value", "nothing"},
      {"no such conditioning", with("conditioning", "fourier "), "'conditioning'", "one of none, log_sigma, fourier",
       "'fourier '"},
      {"residual that is a number", with("residual", "1"), "'residual'", "one of false, true", "'1'"},
      {"sigma_data 0", with("sigma_data", "0"), "'sigma_data'", "a finite value > 0", "0"},
      {"sigma_data not a number", with("sigma_data", "nan"), "'sigma_data'", "a finite value > 0", "nan"},
      {"sigma_data empty", with("sigma_data", ""), "'sigma_data'", "a number", "''"},
      {"sigma_data past doubles", with("sigma_data", "1e999"), "'sigma_data'", "a number", "'1e999'"},
      {"sigma_data with more text", with("sigma_data", "0.5 "), "'sigma_data'", "a number", "'0.5 '"},
      {"sigma_data in hexadecimal", with("sigma_data", "0x1p-1"), "'sigma_data'", "a number", "'0x1p-1'"},
      {"sigma_data with a comma", with("sigma_data", "0,5"), "'sigma_data'", "a number", "'0,5'"},
      {"a loss without an objective", without_key("loss.objective"), "'loss.objective'", "a value", "nothing"},
      {"no such objective", with("loss.objective", "gan"), "'loss.objective'", "one of esm, ism", "'gan'"},
      {"no such schedule", with("loss.schedule", "sigmoid"), "'loss.schedule'", "one of none, single", "'sigmoid'"},
      {"a schedule with another's parameter", with("loss.log_mean", "1"), "'loss.log_mean'", "one of the keys ", "'1'"},
      {"a level that is 0", with("loss.sigma_min", "0"), "schedule.sigma_min", "between 1.2e-38", "0"},
      {"a weighting of another sigma_data", with("loss.sigma_data", "0.7"), "weighting.sigma_data",
       "the parameterization's 0.3", "0.7"},
      {"no seed", without_key("noise.seed"), "'noise.seed'", "a value", "nothing"},
      {"a seed negative", with("noise.seed", "-1"), "'noise.seed'", "a whole number >= 0", "'-1'"},
      {"a seed past 64 bits", with("noise.seed", "18446744073709551616"), "'noise.seed'", "a whole number >= 0",
       "'18446744073709551616'"},
      {"a step that is a fraction", with("noise.step", "1.5"), "'noise.step'", "a whole number", "'1.5'"},
      {"a step past its end", with("noise.step", "1099511627776"), "'noise.step'", "in [0, 2^40)", "1099511627776"},
      {"a sample negative", with("noise.first_sample", "-1"), "'noise.first_sample'", "in [0, 2^48)", "-1"},
      {"no rate", without_key("adam.learning_rate"), "'adam.learning_rate'", "a value", "nothing"},
      {"no step of Adam's", without_key("adam.progress.step"), "'adam.progress.step'", "a value", "nothing"},
      {"a step of Adam's that is text", with("adam.progress.step", "many"), "'adam.progress.step'", "a whole number",
       "'many'"},
      {"a step of Adam's negative", with("adam.progress.step", "-1"), "adam.progress.step", "between 0 and", "-1"},
      {"a negative count of skipped steps", with("adam.progress.skipped", "-1"), "adam.progress.skipped",
       "between 0 and", "-1"},
      {"a rate not a number", with("adam.learning_rate", "nan"), "adam.learning_rate", "a finite value >= 0", "nan"},
      {"a rate infinite", with("adam.progress.learning_rate", "inf"), "adam.progress.learning_rate",
       "a finite value >= 0", "inf"},
      {"beta1 1", with("adam.beta1", "1"), "adam.beta1", "in [0, 1)", "1"},
      {"beta2 not a number", with("adam.beta2", "-nan"), "adam.beta2", "in [0, 1)", "-nan"},
      {"epsilon 0", with("adam.epsilon", "0"), "adam.epsilon", "between 1.2e-38 and", "0"},
      {"groups without all their numbers", with("adam.groups", "0,1,1"), "'adam.groups'",
       "begin,count,learning_rate,weight_decay for each group", "3 numbers"},
      {"a group of half a parameter", with("adam.groups", "0,0.5,1,1"), "'adam.groups'", "a whole number", "0.5"},
      {"a group past the parameters", with("adam.groups", "1,29,1,1"), "adam.groups[0]",
       "elements of the 29 parameters", "29 from element 1"},
      {"an average that never changes", with("adam.ema_decay", "1"), "adam.ema_decay", "in [0, 1)", "1"},
  };
}

class CheckpointContent : public testing::Test {
 protected:
  void expect_all(const std::vector<Row>& table) {
    const std::string path = folder_.file("checkpoint");
    full_checkpoint(fourier_net(), true).save(path);
    const SafetensorsFile good = read_safetensors(path);
    for (const Row& row : table) {
      SCOPED_TRACE(row.name);
      SafetensorsFile bad = good;
      row.spoil(bad);
      write_safetensors(path, bad);
      try {
        Checkpoint::load(path);
        ADD_FAILURE() << "loaded without an error";
      } catch (const Error& error) {
        const std::string message = error.what();
        EXPECT_EQ(error.code(), ErrorCode::io) << message;
        EXPECT_EQ(message.rfind(path + ": ", 0), 0u) << message;
        EXPECT_NE(message.find(row.part), std::string::npos) << message;
        EXPECT_NE(message.find(std::string("expected ") + row.expected), std::string::npos) << message;
        EXPECT_NE(message.find(std::string("got ") + row.got), std::string::npos) << message;
        EXPECT_LT(message.size(), 1000u);
      }
    }
    write_safetensors(path, good);
    EXPECT_NO_THROW(Checkpoint::load(path));
  }
  TemporaryFolder folder_;
};

TEST_F(CheckpointContent, BadTensorsAreRefused) { expect_all(bad_tensors()); }
TEST_F(CheckpointContent, BadNamesAreRefused) { expect_all(bad_names()); }

// More layers than a net may have, each of them valid.
TEST_F(CheckpointContent, TooManyLayersAreRefused) {
  Checkpoint small;
  small.net = MlpShape::score(1, {});
  small.params = {1, 2};
  const std::string path = folder_.file("deep");
  small.save(path);
  SafetensorsFile file = read_safetensors(path);
  for (int k = 1; k < 1026; ++k) {
    const std::string layer = "layers." + std::to_string(k);
    file.tensors[layer + ".weight"] = {{1, 1}, std::vector<float>{1}};
    file.tensors[layer + ".bias"] = {{1}, std::vector<float>{1}};
  }
  write_safetensors(path, file);
  expect_refused({path, "at most 1024 layers", "1025", ErrorCode::io}, [&] { Checkpoint::load(path); });
  file.tensors.erase("layers.1025.weight"), file.tensors.erase("layers.1025.bias");
  write_safetensors(path, file);
  EXPECT_EQ(Checkpoint::load(path).net.hidden.size(), 1024u);
}

TEST_F(CheckpointContent, AnotherFormatsFilesAreRefused) {
  const std::string path = folder_.file("model");
  SafetensorsFile file;
  file.tensors["layers.0.weight"] = {{1, 1}, std::vector<float>{1}};
  write_safetensors(path, file);
  EXPECT_THROW(Checkpoint::load(path), Error);
  EXPECT_THROW(Checkpoint::load(folder_.file("none")), Error);
  EXPECT_THROW(Checkpoint::load(folder_.file(".")), Error);
}

}  // namespace
}  // namespace scorematch::test
