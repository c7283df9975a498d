// Invalid eval cases: each tensor and each name missing, added, or wrong.
#include "cli/models/eval_case.h"

#include <map>

#include "support/files.h"
#include "support/refusal.h"

namespace scorematch::test {
namespace {

using Spoil = std::function<void(SafetensorsFile&)>;

SafetensorsFile golden(const std::string& name) {
  return read_safetensors(std::string(SCOREMATCH_TEST_DATA) + "/golden/cases/" + name + ".safetensors");
}

class EvalFormat : public Engines {
 protected:
  void expect_bad(const SafetensorsFile& good, const Refusal& refusal, const Spoil& spoil) {
    SafetensorsFile bad = good;
    spoil(bad);
    expect_refused(refusal, [&] { cli::evaluate_case(engine_, "the case", bad); });
  }
  static Refusal io(const std::string& name, const std::string& expected, const std::string& got) {
    return {name, expected, got, ErrorCode::io};
  }
  const Engine engine_ = engine();
};

// ssm with Fourier features: x [2, 1], 3 directions, layers 5 -> 3 -> 3 -> 1.
TEST_P(EvalFormat, EveryTensorIsNeeded) {
  const SafetensorsFile good = golden("ssm-silu-edm-fourier");
  ASSERT_EQ(good.tensors.size(), 10u);
  EXPECT_NO_THROW(cli::evaluate_case(engine_, "the case", good));
  // Without a later weight, the net ends one layer earlier, and that layer has too many outputs.
  const std::map<std::string, Refusal> others = {{"fourier.frequencies", io("conditioning", "a tensor", "none")},
                                                 {"layers.1.weight", io("layers.0.weight", "[1, 5]", "[3, 5]")},
                                                 {"layers.2.weight", io("layers.1.weight", "[1, 3]", "[3, 3]")}};
  for (const auto& [name, tensor] : good.tensors) {
    SCOPED_TRACE(name);
    const std::string& each = name;
    const auto other = others.find(name);
    expect_bad(good, other != others.end() ? other->second : io(name, "[", "nothing"),
               [&](SafetensorsFile& f) { f.tensors.erase(each); });
    expect_bad(good, io(name, "[", "["), [&](SafetensorsFile& f) { f.tensors.at(each).shape.push_back(1); });
  }
}

TEST_P(EvalFormat, NoTensorIsSuperfluous) {
  const SafetensorsFile good = golden("ssm-silu-edm-fourier");
  for (const char* name : {"true_score", "layers.3.bias", "layers.0.scale", "X", ""})
    expect_bad(good, io(name, "no such tensor for this objective", "one"), [&](SafetensorsFile& f) {
      f.tensors[name] = {{2, 1}, std::vector<float>(2)};
    });
  expect_bad(golden("ism-tanh-ncsn-log_sigma"), io("directions", "no such tensor", "one"), [](SafetensorsFile& f) {
    f.tensors["directions"] = {{1, 7, 6}, std::vector<float>(42)};
  });
  expect_bad(golden("dsm-gelu-plain-none"), io("fourier.frequencies", "[1]", "[1, 1]"), [](SafetensorsFile& f) {
    f.tensors["fourier.frequencies"] = {{1, 1}, std::vector<float>(1)};
  });
  expect_bad(golden("dsm-gelu-plain-none"),
             io("conditioning", "fourier, because fourier.frequencies is given", "another"), [](SafetensorsFile& f) {
               f.tensors["fourier.frequencies"] = {{1}, std::vector<float>(1)};
             });
  expect_bad(golden("esm-tanh-plain-none"), io("sigma", "no such tensor", "one"),
             [](SafetensorsFile& f) { f.tensors.erase("noise"); });
}

TEST_P(EvalFormat, ShapesFit) {
  const SafetensorsFile good = golden("ssm-silu-edm-fourier");
  const auto zero = [](const std::vector<std::int64_t>& shape) {
    std::int64_t count = 1;
    for (const std::int64_t each : shape) count *= each;
    return Tensor{shape, std::vector<double>(static_cast<std::size_t>(count))};
  };
  const auto expect_bad_shape = [&](const char* name, const std::vector<std::int64_t>& shape,
                                    const std::string& expected) {
    SCOPED_TRACE(name);
    expect_bad(good, io(name, expected, describe_shape(shape)),
               [&](SafetensorsFile& f) { f.tensors[name] = zero(shape); });
  };
  expect_bad_shape("x", {2}, "[N, d]");
  expect_bad_shape("x", {0, 1}, "[N, d]");
  expect_bad_shape("x", {1, (1 << 20) + 1}, "[N, d]");
  expect_bad_shape("sigma", {1}, "[2]");
  expect_bad_shape("directions", {3, 1, 1}, "[3, 2, 1]");
  expect_bad_shape("directions", {0, 2, 1}, "[1, 2, 1]");
  expect_bad_shape("directions", {std::int64_t{1} << 50, 0, 1}, "[1048576, 2, 1]");
  expect_bad_shape("layers.0.weight", {3, 4}, "[3, 5]");
  expect_bad_shape("layers.0.weight", {0, 5}, "[out, in]");
  expect_bad_shape("layers.1.weight", {3, 2}, "[3, 3]");
  expect_bad_shape("layers.2.weight", {2, 3}, "[1, 3]");
  expect_bad_shape("layers.2.bias", {2}, "[1]");
}

TEST_P(EvalFormat, EveryNameIsKnownAndGood) {
  const SafetensorsFile good = golden("ssm-silu-edm-fourier");
  for (const char* key : {"objective", "net", "activation", "parameterization", "conditioning"})
    expect_bad(good, io(key, "a value", "nothing"), [&](SafetensorsFile& f) { f.metadata.erase(key); });
  for (const char* key :
       {"objective", "net", "activation", "parameterization", "conditioning", "weighting", "residual"})
    for (const char* value : {"", "SSM", "0", " edm"})
      expect_bad(good, io(key, "one of ", "'" + std::string(value) + "'"),
                 [&](SafetensorsFile& f) { f.metadata[key] = value; });
  for (const char* value : {"", "half", "0.5x", "1e999"})
    expect_bad(good, io("sigma_data", "a number", "'" + std::string(value) + "'"),
               [&](SafetensorsFile& f) { f.metadata["sigma_data"] = value; });
  for (const char* value : {"0", "-1", "nan", "inf"})
    expect_bad(good, io("sigma_data", "a finite value > 0", value),
               [&](SafetensorsFile& f) { f.metadata["sigma_data"] = value; });
  expect_bad(good, io("seed", "one of the keys ", "'1'"), [](SafetensorsFile& f) { f.metadata["seed"] = "1"; });
}

// Values that only the plans check are refused with the error code of the plans.
TEST_P(EvalFormat, ValuesAreGood) {
  const SafetensorsFile good = golden("ssm-silu-edm-fourier");
  for (const double value : {0.0, -1.0, kNan, kInf})
    expect_bad(good, {"sigma", "finite values > 0", ""}, [&](SafetensorsFile& f) {
      f.tensors["sigma"] = {{2}, std::vector<double>{1, value}};
    });
  expect_bad(good, {"conditioning.frequencies", "finite values", "nan"}, [](SafetensorsFile& f) {
    f.tensors["fourier.frequencies"] = {{2}, std::vector<double>{kNan, 1}};
  });
  expect_bad(good, {"projections", "between 1 and 16384", "16385"}, [](SafetensorsFile& f) {
    f.tensors["directions"] = {{16385, 2, 1}, std::vector<float>(2 * 16385)};
  });
}

TEST_P(EvalFormat, FlippedBytesAreEvaluatedOrRefused) {
  const TemporaryFolder folder;
  const std::string path = folder.file("flipped");
  const std::string whole =
      get_bytes(std::string(SCOREMATCH_TEST_DATA) + "/golden/cases/ssm-silu-edm-fourier.safetensors");
  std::mt19937_64 random(3);
  int evaluated = 0, refused = 0;
  for (int i = 0; i < 1000; ++i) {
    put_bytes(path, with_flips(whole, random));
    try {
      cli::evaluate_case(engine_, path, read_safetensors(path));
      ++evaluated;
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(evaluated, 50);
  EXPECT_GT(refused, 50);
}

INSTANTIATE_TEST_SUITE_P(On, EvalFormat, engines(), engine_name);

}  // namespace
}  // namespace scorematch::test
