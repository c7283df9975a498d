// What the command is given by mistake or by malice: an exit code, one line that says what is wrong, and nothing
// written.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <map>

#include "cli/npy.h"
#include "safetensors.h"
#include "scorematch/checkpoint.h"
#include "scorematch/engine.h"
#include "scorematch/error.h"
#include "support/arrays.h"
#include "support/command.h"

namespace scorematch::testing_support {
namespace {

namespace fs = std::filesystem;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int kUsage = 2;  // the arguments alone are wrong
constexpr int kFailure = 1;

struct Misuse {
  std::string name;
  int exit_code;
  Arguments arguments;
  std::vector<std::string> words;  // in the message
};

std::ostream& operator<<(std::ostream& out, const Misuse& misuse) { return out << misuse.name; }

/// More arguments after `train data.npy -o run`.
Arguments train(const Arguments& more) {
  Arguments arguments = {"train", "data.npy", "-o", "run", "--steps", "1"};
  if (!more.empty() && more[0] == "--steps") arguments.resize(4);
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}
Arguments train_on(const std::string& data, const Arguments& more = {}) {
  Arguments arguments = train(more);
  arguments[1] = data;
  return arguments;
}
Arguments train_to(const std::string& output) {
  Arguments arguments = train({});
  arguments[3] = output;
  return arguments;
}
Arguments sample(const Arguments& more, const std::string& model = "model.safetensors") {
  Arguments arguments = {"sample", model, "-o", "out.npy"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}
Arguments eval(const std::string& input) { return {"eval", input, "-o", "out.safetensors"}; }

const Misuse kMisuses[] = {
    // the arguments
    {"no_subcommand", kUsage, {}, {"expected info, train, sample or eval", "nothing"}},
    {"unknown_subcommand", kUsage, {"draw"}, {"expected info, train, sample or eval", "'draw'"}},
    {"two_subcommands", kUsage, {"info", "train"}, {"not expected: train"}},
    {"unknown_option", kUsage, train({"--stepz", "3"}), {"--stepz"}},
    {"unknown_option_of_all", kUsage, {"--fast"}, {"--fast"}},
    {"train_without_data", kUsage, {"train", "-o", "run"}, {"data is required"}},
    {"train_without_output", kUsage, {"train", "data.npy"}, {"--output is required"}},
    {"train_on_two_files", kUsage, train({"points.npy"}), {"not expected: points.npy"}},
    {"train_to_nothing", kUsage, train_to(""), {"--output", "got ''"}},
    {"steps_without_value", kUsage, train({"--steps"}), {"--steps", "required"}},
    {"steps_zero", kUsage, train({"--steps", "0"}), {"--steps", "from 1 to", "got '0'"}},
    {"steps_fraction", kUsage, train({"--steps", "1.5"}), {"--steps", "a whole number", "got '1.5'"}},
    {"steps_beyond_64_bits", kUsage, train({"--steps", "99999999999999999999"}), {"--steps", "got '9999"}},
    {"batch_zero", kUsage, train({"--batch", "0"}), {"--batch", "from 1 to", "got '0'"}},
    {"batch_negative", kUsage, train({"--batch", "-5"}), {"--batch", "from 1 to", "got '-5'"}},
    {"hidden_zero", kUsage, train({"--hidden", "8,0"}), {"--hidden", "from 1 to", "got '0'"}},
    {"hidden_word", kUsage, train({"--hidden", "8,wide"}), {"--hidden", "a whole number", "got 'wide'"}},
    {"hidden_empty", kUsage, train({"--hidden", ""}), {"--hidden", "a whole number", "got ''"}},
    {"seed_negative", kUsage, train({"--seed", "-1"}), {"--seed", "from 0 to", "got '-1'"}},
    {"seed_beyond_64_bits",
     kUsage,
     train({"--seed", "18446744073709551616"}),
     {"--seed", "got '18446744073709551616'"}},
    {"learning_rate_nan", kUsage, train({"--learning-rate", "nan"}), {"--learning-rate", "from 0 to", "got 'nan'"}},
    {"learning_rate_negative", kUsage, train({"--learning-rate", "-1"}), {"--learning-rate", "got '-1'"}},
    {"learning_rate_infinite", kUsage, train({"--learning-rate", "inf"}), {"--learning-rate", "got 'inf'"}},
    {"validation_nan", kUsage, train({"--validation", "nan"}), {"--validation", "from 0 to 0.9", "got 'nan'"}},
    {"validation_of_all", kUsage, train({"--validation", "1"}), {"--validation", "from 0 to 0.9", "got '1'"}},
    {"ema_of_one", kUsage, train({"--ema", "1"}), {"--ema", "got '1'"}},
    {"sigma_zero", kUsage, train({"--schedule", "single", "--sigma", "0"}), {"--sigma", "got '0'"}},
    {"sigma_range_inverted",
     kUsage,
     train({"--schedule", "geometric", "--sigma-min", "3", "--sigma-max", "2"}),
     {"--sigma-min", "at most --sigma-max 2", "got 3"}},
    {"lognormal_too_wide", kUsage, train({"--log-deviation", "20"}), {"--log-deviation", "87", "got 20"}},
    {"dsm_without_noise", kUsage, train({"--schedule", "none"}), {"--schedule", "--objective dsm", "got none"}},
    {"fourier_without_noise",
     kUsage,
     train({"--schedule", "none", "--objective", "ism", "--parameterization", "plain"}),
     {"--schedule", "--conditioning fourier", "got none"}},
    {"engine_unknown", kUsage, train({"--engine", "abacus"}), {"--engine", "abacus", "reference"}},
    {"threads_negative", kUsage, train({"--threads", "-1"}), {"--threads", "from 0 to 4096", "got '-1'"}},
    {"activation_unknown", kUsage, train({"--activation", "relu"}), {"--activation", "relu", "silu"}},
    {"objective_not_for_training", kUsage, train({"--objective", "esm"}), {"--objective", "esm", "dsm"}},
    {"sample_without_model", kUsage, {"sample", "-o", "out.npy"}, {"model is required"}},
    {"count_zero", kUsage, sample({"-n", "0"}), {"--count", "from 1 to", "got '0'"}},
    {"count_negative", kUsage, sample({"--count", "-3"}), {"--count", "from 1 to", "got '-3'"}},
    {"count_word", kUsage, sample({"-n", "many"}), {"--count", "a whole number", "got 'many'"}},
    {"count_with_unit", kUsage, sample({"-n", "10k"}), {"--count", "got '10k'"}},
    {"image_of_one_number", kUsage, sample({"--image", "6"}), {"--image", "HEIGHTxWIDTH", "'6'"}},
    {"image_half", kUsage, sample({"--image", "2x"}), {"--image", "HEIGHTxWIDTH", "'2x'"}},
    {"image_of_three_numbers", kUsage, sample({"--image", "1x2x3"}), {"--image", "HEIGHTxWIDTH", "'1x2x3'"}},
    {"image_of_no_height", kUsage, sample({"--image", "0x6"}), {"--image", "HEIGHTxWIDTH", "'0x6'"}},
    {"image_negative", kUsage, sample({"--image=-2x-3"}), {"--image", "HEIGHTxWIDTH", "'-2x-3'"}},
    {"image_with_spaces", kUsage, sample({"--image", "2 x 3"}), {"--image", "HEIGHTxWIDTH", "'2 x 3'"}},
    {"image_and_data", kUsage, sample({"--image", "2x3", "--data", "points.npy"}), {"--image", "--data"}},
    {"picture_of_nothing", kUsage, sample({"--picture", "out.png"}), {"--picture", "--image or --data", "neither"}},
    {"picture_over_samples",
     kUsage,
     {"sample", "model.safetensors", "-o", "out.png", "--image", "2x3"},
     {"--output", "two files", "'out.png'"}},
    {"sigma_range_inverted_for_sampling",
     kUsage,
     sample({"--sigma-min", "2", "--sigma-max", "1"}),
     {"--sigma-min", "at most --sigma-max 1", "got 2"}},
    {"sampler_unknown", kUsage, sample({"--sampler", "magic"}), {"--sampler", "magic", "flow"}},
    {"sampler_steps_zero", kUsage, sample({"--steps", "0"}), {"--steps", "from 1 to", "got '0'"}},
    {"compare_one_engine", kUsage, {"compare", "case.safetensors", "--engines", "cpu"}, {"--engines", "two or more"}},
    {"compare_an_engine_with_itself",
     kUsage,
     {"compare", "case.safetensors", "--engines", "cpu,cpu"},
     {"--engines", "each once"}},
    {"compare_no_engine", kUsage, {"compare", "case.safetensors", "--engines", "cpu,gpu"}, {"--engines", "gpu"}},
    {"compare_nothing", kFailure, {"compare", "none.safetensors"}, {"none.safetensors", "open"}},
    {"compare_tolerance_nan", kUsage, {"compare", "case.safetensors", "--tolerance", "nan"}, {"--tolerance", "'nan'"}},
    {"eval_without_output", kUsage, {"eval", "case.safetensors"}, {"--output is required"}},

    // the data
    {"data_missing", kFailure, train_on("none.npy"), {"none.npy", "cannot open"}},
    {"data_folder", kFailure, train_on("folder"), {"folder: ", "need a regular file"}},
    {"data_empty", kFailure, train_on("empty"), {"empty: ", "no row of numbers"}},
    {"data_of_words", kFailure, train_on("words.csv"), {"words.csv: ", "line 2, field 1", "'no'"}},
    {"data_ragged", kFailure, train_on("ragged.csv"), {"ragged.csv: ", "line 2", "found 2 fields, need 3"}},
    {"data_of_cut_idx", kFailure, train_on("cut-ubyte"), {"cut-ubyte: ", "data", "after 2 bytes, need 4"}},
    {"data_truncated", kFailure, train_on("truncated.npy"), {"truncated.npy: ", "(100, 3)", "1200 bytes"}},
    {"data_of_integers", kFailure, train_on("integers.npy"), {"integers.npy: ", "'<i8'", "need '<f4'"}},
    {"data_big_endian", kFailure, train_on("big_endian.npy"), {"big_endian.npy: ", "'>f4'", "need '<f4'"}},
    {"data_of_one_number", kFailure, train_on("number.npy"), {"number.npy: ", "need [N, dim]"}},
    {"data_without_rows", kFailure, train_on("no_rows.npy"), {"no_rows.npy: ", "(0, 3)", "at least one row"}},
    {"data_nan", kFailure, train_on("nan.npy"), {"nan.npy: ", "found nan in row 1, column 1", "finite"}},
    {"data_beyond_float32", kFailure, train_on("beyond.npy"), {"beyond.npy: ", "found 1e+300 in row 0", "finite"}},
    {"data_constant", kFailure, train_on("constant.npy"), {"DATA", "values that vary", "the same row"}},
    {"data_of_one_row", kFailure, train_on("one_row.npy"), {"DATA", "values that vary", "the same row"}},
    {"data_all_held_out", kFailure, train_on("two_rows.npy", {"--validation", "0.9"}), {"--validation", "all 2"}},
    {"data_too_wide_for_float32",
     kFailure,
     train_on("wide.npy", {"--sigma-data", "1e-10"}),
     {"DATA", "1.2e-38 to 3.4e38 times --sigma-data", "column 0"}},

    // where the results go
    {"train_below_a_file", kFailure, train_to("text/run"), {"--output", "'text/run'", "Not a directory"}},
    {"train_to_a_file", kFailure, train_to("text"), {"--output", "a folder", "'text'"}},
    {"train_over_a_folder", kFailure, train_to("taken_model"), {"taken_model/model.safetensors", "not a regular file"}},
    {"train_over_another_folder", kFailure, train_to("taken_losses"), {"taken_losses/loss.csv", "not a regular file"}},
    {"sample_to_no_folder",
     kFailure,
     {"sample", "model.safetensors", "-o", "none/out.npy"},
     {"none/out.npy", "No such file or directory"}},
    {"sample_over_a_folder", kFailure, {"sample", "model.safetensors", "-o", "folder"}, {"folder", "not a regular"}},
    {"sample_below_a_file", kFailure, {"sample", "model.safetensors", "-o", "text/out"}, {"text/out", "Not a dir"}},
    {"sample_over_the_model",
     kFailure,
     {"sample", "model.safetensors", "-o", "./model.safetensors"},
     {"--output", "otherwise", "'./model.safetensors'"}},
    {"picture_to_no_folder",
     kFailure,
     sample({"--image", "2x3", "--picture", "none/out.png"}),
     {"none/out.png", "No such file or directory"}},
    {"picture_over_the_data",
     kFailure,
     sample({"--data", "points.npy", "--picture", "points.npy"}, "points.safetensors"),
     {"--picture", "otherwise", "'points.npy'"}},
    {"eval_to_no_folder", kFailure, {"eval", "case.safetensors", "-o", "none/out"}, {"none/out", "No such file"}},
    {"eval_over_the_case",
     kFailure,
     {"eval", "case.safetensors", "-o", "case.safetensors"},
     {"--output", "otherwise", "'case.safetensors'"}},

    // the model
    {"model_missing", kFailure, sample({}, "none.safetensors"), {"none.safetensors", "open"}},
    {"model_folder", kFailure, sample({}, "folder"), {"folder: ", "expected a regular file"}},
    {"model_empty", kFailure, sample({}, "empty"), {"empty: ", "expected at least 8 bytes, got 0"}},
    {"model_npy", kFailure, sample({}, "data.npy"), {"data.npy: ", "header length", "expected at most"}},
    {"model_truncated", kFailure, sample({}, "truncated.safetensors"), {"truncated.safetensors: ", "expected"}},
    {"model_hostile_length", kFailure, sample({}, "long.safetensors"), {"long.safetensors: ", "header length"}},
    {"model_hostile_shape", kFailure, sample({}, "huge.safetensors"), {"huge.safetensors: ", "'layers.0.weight'"}},
    {"model_deep_json", kFailure, sample({}, "deep.safetensors"), {"deep.safetensors: ", "header"}},
    {"model_of_another_format", kFailure, sample({}, "case.safetensors"), {"case.safetensors: ", "'format'"}},
    {"model_nan", kFailure, sample({}, "nan.safetensors"), {"nan.safetensors: ", "finite"}},
    {"model_lacking_a_tensor", kFailure, sample({}, "lacking.safetensors"), {"'layers.1.bias'", "[6]", "got nothing"}},
    {"model_with_another_tensor", kFailure, sample({}, "more.safetensors"), {"more.safetensors: ", "'surprise'"}},
    {"model_without_noise", kFailure, sample({}, "noiseless.safetensors"), {"--sigma-min", "a level of noise"}},
    {"sigma_above_the_models", kFailure, sample({"--sigma-min", "50"}), {"--sigma-min", "at most", "20", "got 50"}},
    {"image_of_another_size", kFailure, sample({"--image", "3x3"}), {"--image", "6 values", "got 3x3"}},
    {"image_beyond_32_bits", kFailure, sample({"--image", "65536x65537"}), {"--image", "6 values", "got 65536x65537"}},
    {"image_sheet_too_large",
     kFailure,
     sample({"--image", "2x3", "-n", "1000000000000"}),
     {"--image", "at most 2^28", "got 1048576 x 1048576"}},
    {"data_for_a_model_of_six", kFailure, sample({"--data", "points.npy"}), {"--data", "two columns", "2 for 6"}},
    {"data_of_three_columns",
     kFailure,
     sample({"--data", "data.npy"}, "points.safetensors"),
     {"--data", "two columns", "3 for 2"}},
    {"data_to_draw_missing", kFailure, sample({"--data", "none.npy"}, "points.safetensors"), {"none.npy", "open"}},

    // the case
    {"case_missing", kFailure, eval("none.safetensors"), {"none.safetensors", "open"}},
    {"case_folder", kFailure, eval("folder"), {"folder: ", "expected a regular file"}},
    {"case_truncated", kFailure, eval("truncated.safetensors"), {"truncated.safetensors: ", "expected"}},
    {"case_of_another_format", kFailure, eval("model.safetensors"), {"model.safetensors: ", "'x'"}},
    {"case_without_noise", kFailure, eval("case_without_noise.safetensors"), {"'noise'", "[", "got nothing"}},
    {"case_without_sigma", kFailure, eval("case_without_sigma.safetensors"), {"'sigma'", "got nothing"}},
    {"case_without_layers", kFailure, eval("case_without_layers.safetensors"), {"'layers.0.weight'", "got nothing"}},
    {"case_with_directions", kFailure, eval("case_with_directions.safetensors"), {"'directions'", "expected nothing"}},
    {"case_of_two_sizes", kFailure, eval("case_of_two_sizes.safetensors"), {"'noise'", "expected [", "got [1]"}},
    {"case_objective_unknown", kFailure, eval("case_objective.safetensors"), {"'objective'", "dsm", "got 'best'"}},
    {"case_metadata_unknown", kFailure, eval("case_metadata.safetensors"), {"'colour'", "expected", "got 'red'"}},
    {"case_sigma_data_nan", kFailure, eval("case_sigma_data.safetensors"), {"'sigma_data'", "expected", "nan"}},
};

cli::Matrix normal_matrix(std::int64_t rows, std::int64_t cols) {
  const std::vector<double> z = normal_values(rows * cols, 1);
  return {rows, cols, {z.begin(), z.end()}};
}

std::string npy(const std::string& descr, const std::string& shape, const std::string& data) {
  const std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header + data;
}

template <class T>
std::string bytes_of(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

Checkpoint gaussian_model(int dim) {
  Checkpoint model;
  model.net = MlpShape::score(dim, {4});
  model.net.parameterization = parameterization::Edm{};
  model.params.assign(static_cast<std::size_t>(model.net.param_count()), 0.0f);
  model.metadata = {{"sigma_min", "0.01"}, {"sigma_max", "20"}};
  return model;
}

const std::string kGoldenCase = std::string(SCOREMATCH_TEST_DATA) + "/golden/cases/dsm-silu-edm-fourier.safetensors";

using Make = std::function<void(const std::string& path)>;

Make bytes(const std::string& content) {
  return [=](const std::string& path) { write_file(path, content); };
}
Make matrix(const cli::Matrix& values) {
  return [=](const std::string& path) { cli::write_npy(path, values); };
}
Make cut(const Make& make, std::size_t from_the_end) {
  return [=](const std::string& path) {
    make(path);
    fs::resize_file(path, fs::file_size(path) - from_the_end);
  };
}
Make folder(const std::string& inside = "") {
  return [=](const std::string& path) { fs::create_directories(fs::path(path) / inside); };
}
Make model(int dim) {
  return [=](const std::string& path) { gaussian_model(dim).save(path); };
}
template <class Change>
Make spoilt_model(const Change& change) {
  return [=](const std::string& path) {
    gaussian_model(6).save(path);
    SafetensorsFile file = read_safetensors(path);
    change(file);
    write_safetensors(path, file);
  };
}
template <class Change>
Make spoilt_case(const Change& change) {
  return [=](const std::string& path) {
    SafetensorsFile file = read_safetensors(kGoldenCase);
    change(file);
    write_safetensors(path, file);
  };
}

const char kHugeShape[] = R"({"layers.0.weight":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})";

/// What the table's arguments name.
const std::map<std::string, Make> kInputs = {
    {"folder", folder()},
    {"taken_model", folder("model.safetensors")},
    {"taken_losses", folder("loss.csv")},
    {"empty", bytes("")},
    {"text", bytes("1,2,3\n4,5,6\n")},
    {"words.csv", bytes("hello,world\nno,numbers\n")},
    {"ragged.csv", bytes("1,2,3\n4,5\n")},
    {"cut-ubyte", bytes(std::string("\0\0\x08\x02\0\0\0\x02\0\0\0\x02", 12) + "ab")},

    {"data.npy", matrix(normal_matrix(100, 3))},
    {"points.npy", matrix(normal_matrix(100, 2))},
    {"one_row.npy", matrix(normal_matrix(1, 3))},
    {"two_rows.npy", matrix(normal_matrix(2, 3))},
    {"constant.npy", matrix({3, 2, std::vector<float>(6, 0.1f)})},  // of which a rounded mean is off
    {"wide.npy", matrix({2, 1, {-1e30f, 1e30f}})},
    {"truncated.npy", cut(matrix(normal_matrix(100, 3)), 5)},
    {"integers.npy", bytes(npy("<i8", "(2, 1)", std::string(16, '\1')))},
    {"big_endian.npy", bytes(npy(">f4", "(2, 1)", std::string(8, '\1')))},
    {"number.npy", bytes(npy("<f4", "()", std::string(4, '\1')))},
    {"no_rows.npy", bytes(npy("<f4", "(0, 3)", ""))},
    {"nan.npy", bytes(npy("<f4", "(2, 2)", bytes_of(1.0f) + bytes_of(2.0f) + bytes_of(3.0f) + bytes_of(kNan)))},
    {"beyond.npy", bytes(npy("<f8", "(1, 1)", bytes_of(1e300)))},

    {"model.safetensors", model(6)},
    {"points.safetensors", model(2)},
    {"truncated.safetensors", cut(model(6), 3)},
    {"long.safetensors", bytes(bytes_of(std::uint64_t{1} << 60) + "{}")},
    {"huge.safetensors", bytes(bytes_of(std::uint64_t{sizeof kHugeShape - 1}) + kHugeShape)},
    {"deep.safetensors", bytes(bytes_of(std::uint64_t{100000}) + std::string(100000, '['))},
    {"noiseless.safetensors", spoilt_model([](SafetensorsFile& f) { f.metadata.erase("user.sigma_min"); })},
    {"more.safetensors", spoilt_model([](SafetensorsFile& f) {
       f.tensors["surprise"] = {{1}, std::vector<float>{1}};
     })},
    {"lacking.safetensors", spoilt_model([](SafetensorsFile& f) { f.tensors.erase("layers.1.bias"); })},
    {"nan.safetensors",
     spoilt_model([](SafetensorsFile& f) { std::get<0>(f.tensors.at("layers.0.bias").values)[2] = kNan; })},

    {"case.safetensors", spoilt_case([](SafetensorsFile&) {})},
    {"case_without_noise.safetensors", spoilt_case([](SafetensorsFile& f) { f.tensors.erase("noise"); })},
    {"case_without_sigma.safetensors", spoilt_case([](SafetensorsFile& f) { f.tensors.erase("sigma"); })},
    {"case_without_layers.safetensors", spoilt_case([](SafetensorsFile& f) { f.tensors.erase("layers.0.weight"); })},
    {"case_with_directions.safetensors",
     spoilt_case([](SafetensorsFile& f) { f.tensors["directions"] = f.tensors.at("noise"); })},
    {"case_of_two_sizes.safetensors", spoilt_case([](SafetensorsFile& f) {
       f.tensors["noise"] = {{1}, std::vector<double>{1}};
     })},
    {"case_objective.safetensors", spoilt_case([](SafetensorsFile& f) { f.metadata["objective"] = "best"; })},
    {"case_metadata.safetensors", spoilt_case([](SafetensorsFile& f) { f.metadata["colour"] = "red"; })},
    {"case_sigma_data.safetensors", spoilt_case([](SafetensorsFile& f) { f.metadata["sigma_data"] = "nan"; })},
};

class CommandMisuse : public CommandTest, public testing::WithParamInterface<Misuse> {
 protected:
  /// What the arguments name and how it begins: "text/run" needs text.
  CommandMisuse() {
    for (const auto& [name, make] : kInputs)
      for (const std::string& argument : GetParam().arguments)
        if (argument == name || argument.rfind(name + "/", 0) == 0) {
          make(path(name));
          break;
        }
  }
};

void expect_refused(const Finished& finished, int exit_code, const std::vector<std::string>& words) {
  EXPECT_EQ(finished.signal, 0);
  EXPECT_EQ(finished.exit_code, exit_code) << finished.err;
  EXPECT_EQ(finished.out, "");
  EXPECT_EQ(finished.err.rfind("scorematch: ", 0), 0u) << finished.err;
  EXPECT_EQ(lines_of(finished.err).size(), 1u) << finished.err;
  EXPECT_LT(finished.err.size(), 500u) << finished.err;
  for (const std::string& word : words) EXPECT_NE(finished.err.find(word), std::string::npos) << finished.err;
}

TEST_P(CommandMisuse, IsRefusedInOneLineAndNothingIsWritten) {
  const auto before = listing();
  expect_refused(run(GetParam().arguments), GetParam().exit_code, GetParam().words);
  EXPECT_TRUE(listing() == before);
}

INSTANTIATE_TEST_SUITE_P(Cases, CommandMisuse, testing::ValuesIn(kMisuses),
                         [](const testing::TestParamInfo<Misuse>& info) { return info.param.name; });

class CommandCuda : public CommandTest {};

TEST_F(CommandCuda, IsRefusedWhereItCannotBeHad) {
  try {
    Engine::cuda();
    GTEST_SKIP() << "it was built in and works";
  } catch (const Error&) {
  }
  cli::write_npy(path("data.npy"), {4, 1, {1, 2, 3, 4}});
  const auto before = listing();
  expect_refused(run({"train", "data.npy", "-o", "run", "--engine", "cuda"}), kFailure, {"--engine", "cuda"});
  EXPECT_TRUE(listing() == before);
}

}  // namespace
}  // namespace scorematch::testing_support
