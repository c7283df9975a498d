// The models, runs, cases and folders that the tables name. data_inputs.cpp has the data.
#include <cstdint>

#include "cli/files/npy.h"
#include "command/misuse/make.h"
#include "command/misuse/misuse.h"
#include "formats/safetensors.h"
#include "scorematch/checkpoint.h"
#include "support/arrays.h"

namespace scorematch::testing_support {
namespace {

namespace fs = std::filesystem;

/// A safetensors file with this header.
std::string with_header(const std::string& header, const std::string& data = "") {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
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

Make folder(const std::string& inside = "") {
  return [=](const std::string& path) { fs::create_directories(fs::path(path) / inside); };
}
Make model(int dim) {
  return [=](const std::string& path) { gaussian_model(dim).save(path); };
}
template <class Change>
Make broken_model(const Change& change) {
  return [=](const std::string& path) {
    gaussian_model(6).save(path);
    SafetensorsFile file = read_safetensors(path);
    change(file);
    write_safetensors(path, file);
  };
}
template <class Change>
Make broken_case(const Change& change) {
  return [=](const std::string& path) {
    SafetensorsFile file = read_safetensors(kGoldenCase);
    change(file);
    write_safetensors(path, file);
  };
}

/// nn.Sequential(nn.Linear(4, 4), nn.SiLU(), nn.Linear(4, 3)) for three coordinates and ln sigma, with a change.
template <class Change>
Make broken_state_dict(const Change& change) {
  return [=](const std::string& path) {
    SafetensorsFile file;
    file.tensors = {{"net.0.weight", {{4, 4}, std::vector<float>(16, 0.5f)}},
                    {"net.0.bias", {{4}, std::vector<float>(4, 0.5f)}},
                    {"net.2.weight", {{3, 4}, std::vector<float>(12, 0.5f)}},
                    {"net.2.bias", {{3}, std::vector<float>(3, 0.5f)}}};
    change(file);
    write_safetensors(path, file);
  };
}

/// A run on data.npy that was stopped after 4 of 10 steps. The command makes it once.
const Checkpoint& stopped_run() {
  static const Checkpoint run = [] {
    const test::TemporaryFolder folder;
    const fs::path root = folder.path();
    cli::write_npy((root / "data.npy").string(), normal_matrix(100, 3));
    Process(root, root,
            {"train", "data.npy", "-o", "run", "--hidden", "4", "--batch", "8", "--steps", "10", "--stop-after", "4"})
        .wait();
    return Checkpoint::load((root / "run/model.safetensors").string());
  }();
  return run;
}
template <class Change>
Make broken_run(const Change& change) {
  return [=](const std::string& path) {
    Checkpoint run = stopped_run();
    change(run);
    run.save(path);
  };
}

const char kHugeShape[] = R"({"layers.0.weight":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})";

}  // namespace

const std::map<std::string, Make>& misuse_inputs() {
  static const std::map<std::string, Make> inputs = [] {
    std::map<std::string, Make> all = {
        {"folder", folder()},
        {"taken_model", folder("model.safetensors")},
        {"taken_losses", folder("loss.csv")},
        {"taken_comparison", folder("comparison.csv")},
        {"empty", bytes("")},
        {"text", bytes("1,2,3\n4,5,6\n")},
        {"model.safetensors", model(6)},
        {"points.safetensors", model(2)},
        {"truncated.safetensors", cut(model(6), 3)},
        {"long.safetensors", bytes(bytes_of(std::uint64_t{1} << 60) + "{}")},
        {"huge.safetensors", bytes(bytes_of(std::uint64_t{sizeof kHugeShape - 1}) + kHugeShape)},
        {"deep.safetensors", bytes(bytes_of(std::uint64_t{100000}) + std::string(100000, '['))},
        {"noiseless.safetensors", broken_model([](SafetensorsFile& f) { f.metadata.erase("user.sigma_min"); })},
        {"more.safetensors", broken_model([](SafetensorsFile& f) {
           f.tensors["surprise"] = {{1}, std::vector<float>{1}};
         })},
        {"lacking.safetensors", broken_model([](SafetensorsFile& f) { f.tensors.erase("layers.1.bias"); })},
        {"nan.safetensors",
         broken_model([](SafetensorsFile& f) { std::get<0>(f.tensors.at("layers.0.bias").values)[2] = kNan; })},
        {"case.safetensors", broken_case([](SafetensorsFile&) {})},
        {"case_without_noise.safetensors", broken_case([](SafetensorsFile& f) { f.tensors.erase("noise"); })},
        {"case_without_sigma.safetensors", broken_case([](SafetensorsFile& f) { f.tensors.erase("sigma"); })},
        {"case_without_layers.safetensors",
         broken_case([](SafetensorsFile& f) { f.tensors.erase("layers.0.weight"); })},
        {"case_with_directions.safetensors",
         broken_case([](SafetensorsFile& f) { f.tensors["directions"] = f.tensors.at("noise"); })},
        {"case_of_two_sizes.safetensors", broken_case([](SafetensorsFile& f) {
           f.tensors["noise"] = {{1}, std::vector<double>{1}};
         })},
        {"case_objective.safetensors", broken_case([](SafetensorsFile& f) { f.metadata["objective"] = "best"; })},
        {"case_metadata.safetensors", broken_case([](SafetensorsFile& f) { f.metadata["color"] = "red"; })},
        {"case_sigma_data.safetensors", broken_case([](SafetensorsFile& f) { f.metadata["sigma_data"] = "nan"; })},
        {"folder.npy", folder()},
        {"model_of_a_later_format.safetensors",
         broken_model([](SafetensorsFile& f) { f.metadata["format"] = "scorematch-checkpoint-2"; })},
        {"model_metadata_unknown.safetensors", broken_model([](SafetensorsFile& f) { f.metadata["color"] = "green"; })},
        {"model_activation_unknown.safetensors",
         broken_model([](SafetensorsFile& f) { f.metadata["activation"] = "relu"; })},
        {"model_activation_missing.safetensors",
         broken_model([](SafetensorsFile& f) { f.metadata.erase("activation"); })},
        {"model_step_negative.safetensors", broken_model([](SafetensorsFile& f) { f.metadata["noise.step"] = "-1"; })},
        {"model_seed_word.safetensors", broken_model([](SafetensorsFile& f) { f.metadata["noise.seed"] = "now"; })},
        {"model_in_float64.safetensors", broken_model([](SafetensorsFile& f) {
           auto& t = f.tensors.at("layers.0.weight");
           t.values = t.as_double();
         })},
        {"model_layers_that_do_not_fit.safetensors", broken_model([](SafetensorsFile& f) {
           f.tensors["layers.1.weight"] = {{6, 3}, std::vector<float>(18)};
         })},
        {"model_without_layers.safetensors",
         broken_model([](SafetensorsFile& f) { f.tensors.erase("layers.0.weight"); })},
        {"model_scale_zero.safetensors", broken_model([](SafetensorsFile& f) {
           f.tensors["data.mean"] = f.tensors["data.scale"] = {{6}, std::vector<float>(6)};
         })},
        {"model_mean_alone.safetensors", broken_model([](SafetensorsFile& f) {
           f.tensors["data.mean"] = {{6}, std::vector<float>(6)};
         })},
        {"model_array_in_float32.safetensors", broken_model([](SafetensorsFile& f) {
           f.tensors["user.log"] = {{2}, std::vector<float>(2)};
         })},
        {"model_sigma_data_nan.safetensors",
         broken_model([](SafetensorsFile& f) { f.metadata["sigma_data"] = "nan"; })},
        {"model_of_halves.safetensors",
         bytes(with_header(R"({"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}})", "ab"))},
        {"model_of_overlaps.safetensors",
         bytes(with_header(
             R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
             "abcd"))},
        {"model_of_twins.safetensors",
         bytes(with_header(
             R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
             "abcd"))},
        {"model_with_bytes_left.safetensors",
         bytes(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "abcdef"))},
        {"model_past_its_end.safetensors",
         bytes(with_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "abcd"))},
        {"model_metadata_number.safetensors", bytes(with_header(R"({"__metadata__":{"format":1}})"))},
        {"model_header_list.safetensors", bytes(with_header("[]"))},
        {"done.safetensors", broken_run([](Checkpoint& c) { c.metadata["train.steps"] = "4"; })},
        {"run_option_missing.safetensors", broken_run([](Checkpoint& c) { c.metadata.erase("train.batch"); })},
        {"run_option_zero.safetensors", broken_run([](Checkpoint& c) { c.metadata["train.batch"] = "0"; })},
        {"run_option_word.safetensors", broken_run([](Checkpoint& c) { c.metadata["train.learning-rate"] = "fast"; })},
        {"run_option_unknown_value.safetensors",
         broken_run([](Checkpoint& c) { c.metadata["train.schedule"] = "warp"; })},
        {"run_widths_of_another_net.safetensors", broken_run([](Checkpoint& c) { c.metadata["train.hidden"] = "5"; })},
        {"run_seed_of_another_noise.safetensors", broken_run([](Checkpoint& c) { c.noise.seed = 77; })},
        {"run_noise_of_another_rank.safetensors", broken_run([](Checkpoint& c) { c.noise.first_sample = 5; })},
        {"run_steps_that_do_not_add_up.safetensors", broken_run([](Checkpoint& c) { c.noise.step = 3; })},
        {"run_units_missing.safetensors", broken_run([](Checkpoint& c) { c.standardization = {}; })},
        {"run_losses_missing.safetensors", broken_run([](Checkpoint& c) { c.arrays.erase("train.log.step"); })},
        {"run_losses_cut.safetensors",
         broken_run([](Checkpoint& c) { c.arrays.at("train.log.loss.mean").pop_back(); })},
        {"run_losses_out_of_order.safetensors", broken_run([](Checkpoint& c) {
           std::swap(c.arrays.at("train.log.step")[0], c.arrays.at("train.log.step")[1]);
         })},
        {"run_losses_of_the_future.safetensors",
         broken_run([](Checkpoint& c) { c.arrays.at("train.log.step").back() = 5; })},
        {"run_sums_missing.safetensors", broken_run([](Checkpoint& c) { c.arrays.erase("train.partial"); })},
        {"run_skipped_word.safetensors",
         broken_run([](Checkpoint& c) { c.metadata["train.skipped_in_a_row"] = "few"; })},
        {"run_skipped_missing.safetensors",
         broken_run([](Checkpoint& c) { c.metadata.erase("train.skipped_in_a_row"); })},
        {"no_adam.safetensors", broken_run([](Checkpoint& c) { c.adam.reset(); })},
        {"cut_run.safetensors", cut(broken_run([](Checkpoint&) {}), 9)},
        {"run.safetensors", broken_run([](Checkpoint&) {})},
        {"run_best_missing.safetensors", broken_run([](Checkpoint& c) { c.arrays.erase("train.best"); })},
        {"run_best_of_the_future.safetensors", broken_run([](Checkpoint& c) { c.arrays.at("train.best")[0] = 5; })},
        {"run_best_without_params.safetensors",
         broken_run([](Checkpoint& c) { c.best.clear(), c.samples_best = false; })},
        {"run_out_of_patience.safetensors", broken_run([](Checkpoint& c) {
           c.metadata["train.patience"] = "2";
           c.arrays.at("train.best").back() = 2;
         })},
        {"state_dict_without_a_bias.safetensors",
         broken_state_dict([](SafetensorsFile& f) { f.tensors.erase("net.2.bias"); })},
        {"state_dict_with_a_long_bias.safetensors", broken_state_dict([](SafetensorsFile& f) {
           f.tensors["net.0.bias"] = {{5}, std::vector<float>(5)};
         })},
        {"state_dict_with_a_matrix_for_a_bias.safetensors", broken_state_dict([](SafetensorsFile& f) {
           f.tensors["net.0.bias"] = {{4, 1}, std::vector<float>(4)};
         })},
        {"state_dict_layers_that_do_not_fit.safetensors", broken_state_dict([](SafetensorsFile& f) {
           f.tensors["net.2.weight"] = {{3, 5}, std::vector<float>(15)};
         })},
        {"state_dict_of_a_convolution.safetensors", broken_state_dict([](SafetensorsFile& f) {
           f.tensors["net.2.weight"] = {{3, 4, 1}, std::vector<float>(12)};
         })},
        {"state_dict_with_another_tensor.safetensors", broken_state_dict([](SafetensorsFile& f) {
           f.tensors["norm.running_mean"] = {{4}, std::vector<float>(4)};
         })},
        {"state_dict_nan.safetensors",
         broken_state_dict([](SafetensorsFile& f) { std::get<0>(f.tensors.at("net.0.weight").values)[5] = kNan; })},
        {"state_dict_beyond_float32.safetensors", broken_state_dict([](SafetensorsFile& f) {
           f.tensors["net.0.bias"] = {{4}, std::vector<double>{1, 2, 1e39, 4}};
         })},
        {"state_dict_mean_alone.safetensors", broken_state_dict([](SafetensorsFile& f) {
           f.tensors["data.mean"] = {{3}, std::vector<float>(3)};
         })},
        {"state_dict_scale_zero.safetensors", broken_state_dict([](SafetensorsFile& f) {
           f.tensors["data.mean"] = f.tensors["data.scale"] = {{3}, std::vector<float>(3)};
         })},
        {"state_dict_mean_of_two.safetensors", broken_state_dict([](SafetensorsFile& f) {
           f.tensors["data.mean"] = f.tensors["data.scale"] = {{2}, std::vector<float>(2, 1)};
         })},
        {"state_dict_with_frequencies_unused.safetensors", broken_state_dict([](SafetensorsFile& f) {
           f.tensors["fourier.frequencies"] = {{2}, std::vector<double>(2)};
         })},
        {"state_dict_without_weights.safetensors", broken_state_dict([](SafetensorsFile& f) { f.tensors.clear(); })},
        {"state_dict_of_one_input.safetensors", broken_state_dict([](SafetensorsFile& f) {
           f.tensors = {{"0.weight", {{1, 1}, std::vector<float>(1)}}, {"0.bias", {{1}, std::vector<float>(1)}}};
         })},
        {"integers.safetensors",
         bytes(with_header(R"({"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})", "abcdefgh"))},
        {"torch.safetensors", broken_state_dict([](SafetensorsFile&) {})},
        {"state_dict_metadata.safetensors", broken_state_dict([](SafetensorsFile& f) {
           f.metadata = {{"activation", "relu"}, {"parameterization", "plain"}, {"conditioning", "log_sigma"}};
         })},
        {"case_without_x.safetensors", broken_case([](SafetensorsFile& f) { f.tensors.erase("x"); })},
        {"case_x_of_one_axis.safetensors", broken_case([](SafetensorsFile& f) {
           f.tensors["x"] = {{4}, std::vector<float>(4)};
         })},
        {"case_sigma_zero.safetensors", broken_case([](SafetensorsFile& f) {
           auto& s = f.tensors.at("sigma");
           s.values = std::vector<double>(static_cast<std::size_t>(s.count()));
         })},
        {"case_sigma_of_one_more.safetensors", broken_case([](SafetensorsFile& f) {
           f.tensors["sigma"] = {{f.tensors.at("sigma").count() + 1},
                                 std::vector<double>(static_cast<std::size_t>(f.tensors.at("sigma").count() + 1), 1)};
         })},
        {"case_with_true_score.safetensors",
         broken_case([](SafetensorsFile& f) { f.tensors["true_score"] = f.tensors.at("noise"); })},
        {"case_without_objective.safetensors", broken_case([](SafetensorsFile& f) { f.metadata.erase("objective"); })},
        {"case_without_net.safetensors", broken_case([](SafetensorsFile& f) { f.metadata.erase("net"); })},
        {"case_net_unknown.safetensors", broken_case([](SafetensorsFile& f) { f.metadata["net"] = "flow"; })},
        {"case_activation_unknown.safetensors",
         broken_case([](SafetensorsFile& f) { f.metadata["activation"] = "relu"; })},
        {"case_weighting_unknown.safetensors",
         broken_case([](SafetensorsFile& f) { f.metadata["weighting"] = "snr"; })},
        {"case_residual_maybe.safetensors", broken_case([](SafetensorsFile& f) { f.metadata["residual"] = "maybe"; })},
        {"case_without_frequencies.safetensors",
         broken_case([](SafetensorsFile& f) { f.tensors.erase("fourier.frequencies"); })},
        {"case_of_another_conditioning.safetensors",
         broken_case([](SafetensorsFile& f) { f.metadata["conditioning"] = "none"; })},
        {"case_without_a_bias.safetensors", broken_case([](SafetensorsFile& f) { f.tensors.erase("layers.0.bias"); })},
        {"case_weight_of_one_axis.safetensors", broken_case([](SafetensorsFile& f) {
           f.tensors["layers.0.weight"] = {{4}, std::vector<float>(4)};
         })},
        {"case_sliced_without_directions.safetensors",
         broken_case([](SafetensorsFile& f) { f.metadata["objective"] = "ssm"; })},
    };
    all.insert(data_inputs().begin(), data_inputs().end());
    return all;
  }();
  return inputs;
}

}  // namespace scorematch::testing_support
