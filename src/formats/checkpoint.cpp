#include "scorematch/checkpoint.h"

#include <algorithm>
#include <cmath>

#include "checks/argument.h"
#include "checks/descriptions.h"
#include "formats/safetensors.h"
#include "formats/spec_plans.h"
#include "model/network.h"
#include "scorematch/error.h"
#include "scorematch/philox.h"

namespace scorematch {
namespace {

constexpr const char* kFormat = "scorematch-checkpoint-1";
constexpr const char* kFrequencies = "fourier.frequencies";
constexpr const char *kDataMean = "data.mean", *kDataScale = "data.scale", *kDataMixing = "data.mixing",
                     *kDataWarp = "data.warp";
const std::string kAdam = "adam.", kBest = "best.", kLoss = "loss.";
constexpr const char* kSamplesBest = "best.sampled_with";
const std::string kUser = "user.";  // prefix of the caller's own metadata and arrays

std::vector<float> slice(const std::vector<float>& flat, std::int64_t begin, std::int64_t count) {
  return {flat.begin() + begin, flat.begin() + begin + count};
}

void add_layers(const MlpShape& net, const std::string& prefix, const std::vector<float>& flat, SafetensorsFile& file) {
  int k = 0;
  for (const MlpShape::Layer& layer : net.layers()) {
    const std::string name = prefix + "layers." + std::to_string(k++);
    const std::int64_t weights = std::int64_t{layer.in} * layer.out;
    file.tensors[name + ".weight"] = {{layer.out, layer.in}, slice(flat, layer.weight, weights)};
    file.tensors[name + ".bias"] = {{layer.out}, slice(flat, layer.bias, layer.out)};
  }
}

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw Error(ErrorCode::io, path, path + ": " + what);
}

const Tensor* find(const SafetensorsFile& file, const std::string& name) {
  const auto found = file.tensors.find(name);
  return found == file.tensors.end() ? nullptr : &found->second;
}

/// Removes the tensor from the file, so that those that remain at the end are unknown.
std::vector<float> take(const std::string& path, SafetensorsFile& file, const std::string& name,
                        const std::vector<std::int64_t>& shape) {
  const Tensor* tensor = find(file, name);
  if (tensor == nullptr) fail(path, "tensor '" + name + "': expected " + describe_shape(shape) + ", got nothing");
  if (tensor->shape != shape)
    fail(path, "tensor '" + name + "': expected " + describe_shape(shape) + ", got " + describe_shape(tensor->shape));
  if (tensor->is_double()) fail(path, "tensor '" + name + "': expected F32, got F64");
  std::vector<float> values = tensor->as_float();
  file.tensors.erase(name);
  return values;
}

std::vector<float> take_layers(const std::string& path, SafetensorsFile& file, const MlpShape& net,
                               const std::string& prefix) {
  std::vector<float> flat;
  int k = 0;
  for (const MlpShape::Layer& layer : net.layers()) {
    const std::string name = prefix + "layers." + std::to_string(k++);
    for (const auto& part :
         {take(path, file, name + ".weight", {layer.out, layer.in}), take(path, file, name + ".bias", {layer.out})})
      flat.insert(flat.end(), part.begin(), part.end());
  }
  return flat;
}

/// Sets dim and hidden from the shapes of layers.K.weight.
void set_widths(const std::string& path, const SafetensorsFile& file, MlpShape& net) {
  std::vector<int> widths;
  int in = 0;
  for (int k = 0;; ++k) {
    const std::string name = "layers." + std::to_string(k) + ".weight";
    const Tensor* weight = find(file, name);
    if (weight == nullptr) break;
    if (weight->shape.size() != 2 || *std::min_element(weight->shape.begin(), weight->shape.end()) < 1 ||
        *std::max_element(weight->shape.begin(), weight->shape.end()) > (1 << 20) + (1 << 21))
      fail(path, "tensor '" + name + "': expected [out, in], got " + describe_shape(weight->shape));
    if (k == 0) in = static_cast<int>(weight->shape[1]);
    widths.push_back(static_cast<int>(weight->shape[0]));
  }
  if (widths.empty()) fail(path, "tensor 'layers.0.weight': expected [out, in], got nothing");
  net.dim = in - feature_count(net.conditioning) - context_count(net.context);
  const int out = net.kind == MlpShape::Kind::score ? net.dim : 1;
  if (net.dim < 1 || widths.back() != out)
    fail(path, "the last layer: expected " + std::to_string(out) + " outputs, because the first has " +
                   std::to_string(in) + " inputs, got " + std::to_string(widths.back()));
  widths.pop_back();
  net.hidden = widths;
}

void write_adam(const Adam::Snapshot& adam, Metadata& metadata) {
  const Adam::Options& options = adam.options;
  for (const auto& [name, value] : {std::pair<const char*, double>{"learning_rate", options.learning_rate},
                                    {"beta1", options.beta1},
                                    {"beta2", options.beta2},
                                    {"epsilon", options.epsilon},
                                    {"weight_decay", options.weight_decay},
                                    {"max_grad_norm", options.max_grad_norm},
                                    {"ema_decay", options.ema_decay},
                                    {"progress.learning_rate", adam.progress.learning_rate},
                                    {"progress.grad_norm", adam.progress.grad_norm}})
    metadata[kAdam + name] = number_text(value);
  if (!options.groups.empty()) metadata["adam.groups"] = groups_text(options.groups);
  metadata["adam.progress.step"] = std::to_string(adam.progress.step);
  metadata["adam.progress.skipped"] = std::to_string(adam.progress.skipped);
}

Adam::Snapshot read_adam(MetadataReader& reader) {
  Adam::Snapshot adam;
  Adam::Options& options = adam.options;
  options.learning_rate = reader.take_number("adam.learning_rate");
  options.beta1 = reader.take_number("adam.beta1");
  options.beta2 = reader.take_number("adam.beta2");
  options.epsilon = reader.take_number("adam.epsilon");
  options.weight_decay = reader.take_number("adam.weight_decay");
  options.max_grad_norm = reader.take_number("adam.max_grad_norm");
  options.ema_decay = reader.take_number("adam.ema_decay");
  options.groups = read_groups(reader, "adam.groups");
  adam.progress.learning_rate = reader.take_number("adam.progress.learning_rate");
  adam.progress.grad_norm = reader.take_number("adam.progress.grad_norm");
  adam.progress.step = reader.take_int("adam.progress.step");
  adam.progress.skipped = reader.take_int("adam.progress.skipped");
  return adam;
}

/// Runs `check` on data of a file, and reports its errors as errors of the file.
template <class Check>
void check_file(const std::string& path, const std::string& prefix, const Check& check) {
  try {
    check();
  } catch (const Error& error) {
    fail(path, prefix + error.what());
  }
}

template <class T>
void check_size(const char* name, const std::vector<T>& values, std::size_t wanted) {
  if (values.size() != wanted) throw_invalid(name, std::to_string(wanted) + " values", std::to_string(values.size()));
}

void check_standardization(const Standardization& standardization, int dim) {
  const std::vector<double>&mean = standardization.mean, &scale = standardization.scale;
  const std::vector<double>& mixing = standardization.mixing;
  if (mean.empty() && scale.empty() && mixing.empty() && standardization.warp.empty()) return;
  check_size(kDataScale, scale, mean.size());
  for (std::size_t j = 0; j < mean.size(); ++j) {
    const std::string place = " at " + std::to_string(j);
    if (!std::isfinite(mean[j])) throw_invalid(kDataMean, "finite values", describe(mean[j]) + place);
    if (!(scale[j] >= 0) || !std::isfinite(scale[j]))
      throw_invalid(kDataScale, "finite values >= 0 (0 for a constant column)", describe(scale[j]) + place);
  }
  if (!standardization.warp.empty()) check_size(kDataWarp, standardization.warp, mean.size());
  for (const double each : standardization.warp)
    if (!(each >= 0) || !std::isfinite(each)) throw_invalid(kDataWarp, "finite values >= 0", describe(each));
  const std::size_t varying = standardization.coordinates().size(), inputs = static_cast<std::size_t>(dim);
  if (!mixing.empty()) {
    if (varying < inputs)
      throw_invalid(
          kDataScale,
          "at least " + std::to_string(dim) + " values > 0, as the network has " + std::to_string(dim) + " inputs",
          std::to_string(varying));
    check_size(kDataMixing, mixing, varying * inputs);
    for (const double each : mixing)
      if (!std::isfinite(each)) throw_invalid(kDataMixing, "finite values", describe(each));
  } else if (varying != inputs) {
    throw_invalid(kDataScale,
                  std::to_string(dim) + " values > 0, as the network has " + std::to_string(dim) + " inputs",
                  std::to_string(varying));
  }
}

void check_loss(const Loss& loss, const MlpShape& net) {
  check(loss.objective, net.dim);
  check(loss.schedule);
  check(loss.weighting, net.parameterization);
  check_dropout(loss.context_dropout, net.context);
}

void write_standardization(const Standardization& standardization, SafetensorsFile& file) {
  if (standardization.mean.empty()) return;
  const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(standardization.mean.size())};
  file.tensors[kDataMean] = {shape, standardization.mean};
  file.tensors[kDataScale] = {shape, standardization.scale};
  if (!standardization.warp.empty()) file.tensors[kDataWarp] = {shape, standardization.warp};
  if (standardization.mixing.empty()) return;
  const auto varying = static_cast<std::int64_t>(standardization.coordinates().size());
  file.tensors[kDataMixing] = {{varying, static_cast<std::int64_t>(standardization.mixing.size()) / varying},
                               standardization.mixing};
}

constexpr std::int64_t kAny = -1;  // any number of columns

/// Accepts F64, and F32, which earlier versions wrote.
std::vector<double> take_columns(const std::string& path, SafetensorsFile& file, const std::string& name,
                                 std::int64_t columns) {
  const Tensor* tensor = find(file, name);
  const std::string expected = columns == kAny ? "[columns]" : "[" + std::to_string(columns) + "]";
  if (tensor == nullptr) fail(path, "tensor '" + name + "': expected " + expected + ", got nothing");
  if (tensor->shape.size() != 1 || tensor->shape[0] < 1 || (columns != kAny && tensor->shape[0] != columns))
    fail(path, "tensor '" + name + "': expected " + expected + ", got " + describe_shape(tensor->shape));
  std::vector<double> values = tensor->as_double();
  file.tensors.erase(name);
  return values;
}

Standardization take_standardization(const std::string& path, SafetensorsFile& file, int dim) {
  Standardization standardization;
  if (find(file, kDataMean) == nullptr && find(file, kDataScale) == nullptr) return standardization;
  standardization.mean = take_columns(path, file, kDataMean, kAny);
  standardization.scale = take_columns(path, file, kDataScale, static_cast<std::int64_t>(standardization.mean.size()));
  if (find(file, kDataWarp) != nullptr)
    standardization.warp = take_columns(path, file, kDataWarp, static_cast<std::int64_t>(standardization.mean.size()));
  if (const Tensor* mixing = find(file, kDataMixing); mixing != nullptr) {
    const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(standardization.coordinates().size()), dim};
    if (mixing->shape != shape)
      fail(path, std::string("tensor '") + kDataMixing + "': expected " + describe_shape(shape) + ", got " +
                     describe_shape(mixing->shape));
    standardization.mixing = mixing->as_double();
    file.tensors.erase(kDataMixing);
  }
  check_file(path, "", [&] { check_standardization(standardization, dim); });
  return standardization;
}

void put_loss(const Loss& loss, Metadata& metadata) {
  Metadata values;
  write_loss(loss, values);
  for (const auto& [key, value] : values) metadata[kLoss + key] = value;
}

std::optional<Loss> take_loss(const std::string& path, MetadataReader& reader, const MlpShape& net) {
  MetadataReader section = reader.take_section(kLoss);
  if (section.left().empty()) return {};
  const Loss loss = read_loss(section, read_sigma_data(section));
  section.refuse_rest();
  check_file(path, kLoss, [&] { check_loss(loss, net); });
  return loss;
}

bool is_user(const std::string& name) { return name.compare(0, kUser.size(), kUser) == 0; }

std::map<std::string, std::vector<double>> take_arrays(const std::string& path, SafetensorsFile& file) {
  std::map<std::string, std::vector<double>> arrays;
  for (auto at = file.tensors.lower_bound(kUser); at != file.tensors.end() && is_user(at->first);
       at = file.tensors.erase(at)) {
    const Tensor& tensor = at->second;
    if (tensor.shape.size() != 1)
      fail(path, "tensor '" + at->first + "': expected [any], got " + describe_shape(tensor.shape));
    if (!tensor.is_double()) fail(path, "tensor '" + at->first + "': expected F64, got F32");
    arrays[at->first.substr(kUser.size())] = tensor.as_double();
  }
  return arrays;
}

}  // namespace

std::vector<std::size_t> Standardization::coordinates() const {
  std::vector<std::size_t> columns;
  for (std::size_t j = 0; j < scale.size(); ++j)
    if (scale[j] > 0) columns.push_back(j);
  return columns;
}

const std::vector<float>& Checkpoint::sampling_params() const {
  if (samples_best) return best;
  const bool averaged = adam && !adam->ema.empty() && adam->options.ema_is_settled(adam->progress.step);
  return averaged ? adam->ema : params;
}

void Checkpoint::save(const std::string& path) const {
  // A file that load() would refuse must not replace a good one.
  check(net);
  const std::int64_t count = net.param_count();
  check_size("params", params, static_cast<std::size_t>(count));
  check_finite("params", params);
  check(noise);
  check_standardization(standardization, net.dim);
  if (loss) check_loss(*loss, net);
  if (adam) check(*adam, count);
  if (samples_best || !best.empty()) check_size("best", best, static_cast<std::size_t>(count));
  check_finite("best", best);
  SafetensorsFile file;
  file.metadata["format"] = kFormat;
  write_net(net, file.metadata);
  write_standardization(standardization, file);
  if (loss) put_loss(*loss, file.metadata);
  for (const auto& [key, value] : metadata) file.metadata[kUser + key] = value;
  for (const auto& [key, values] : arrays)
    file.tensors[kUser + key] = {{static_cast<std::int64_t>(values.size())}, values};
  file.metadata["noise.seed"] = std::to_string(noise.seed);
  file.metadata["noise.step"] = std::to_string(noise.step);
  file.metadata["noise.first_sample"] = std::to_string(noise.first_sample);
  add_layers(net, "", params, file);
  if (!best.empty()) {
    add_layers(net, kBest, best, file);
    file.metadata[kSamplesBest] = samples_best ? "true" : "false";
  }
  if (const auto& frequencies = net.conditioning.frequencies; net.conditioning.kind == Conditioning::Kind::fourier)
    file.tensors[kFrequencies] = {{static_cast<std::int64_t>(frequencies.size())}, frequencies};
  if (adam) {
    write_adam(*adam, file.metadata);
    add_layers(net, "adam.first_moment.", adam->first_moment, file);
    add_layers(net, "adam.second_moment.", adam->second_moment, file);
    if (!adam->ema.empty()) add_layers(net, "ema.", adam->ema, file);
  }
  write_safetensors(path, file);
}

Checkpoint Checkpoint::load(const std::string& path) {
  SafetensorsFile file = read_safetensors(path);
  MetadataReader reader(path, file.metadata);
  if (const std::string format = reader.take("format"); format != kFormat)
    reader.refuse("format", kFormat, "'" + format + "'");
  Checkpoint checkpoint;
  const Tensor* frequencies = find(file, kFrequencies);
  if (frequencies != nullptr && frequencies->shape.size() != 1)
    fail(path, std::string("tensor '") + kFrequencies + "': expected [F], got " + describe_shape(frequencies->shape));
  checkpoint.net = read_net(reader, frequencies != nullptr ? frequencies->as_double() : std::vector<double>(),
                            frequencies != nullptr);
  file.tensors.erase(kFrequencies);
  set_widths(path, file, checkpoint.net);
  check_file(path, "", [&] { check(checkpoint.net); });
  checkpoint.params = take_layers(path, file, checkpoint.net, "");
  check_file(path, "", [&] { check_finite("layers", checkpoint.params); });
  checkpoint.standardization = take_standardization(path, file, checkpoint.net.dim);
  checkpoint.loss = take_loss(path, reader, checkpoint.net);
  checkpoint.noise.seed = reader.take_uint64("noise.seed");
  checkpoint.noise.step = reader.take_int("noise.step");
  checkpoint.noise.first_sample = reader.take_int("noise.first_sample");
  if (checkpoint.noise.step < 0 || checkpoint.noise.step >= philox::kMaxSteps)
    reader.refuse("noise.step", "in [0, 2^40)", std::to_string(checkpoint.noise.step));
  if (checkpoint.noise.first_sample < 0 || checkpoint.noise.first_sample >= philox::kMaxSamples)
    reader.refuse("noise.first_sample", "in [0, 2^48)", std::to_string(checkpoint.noise.first_sample));
  const auto first_adam = reader.left().lower_bound(kAdam);
  if (first_adam != reader.left().end() && first_adam->first.compare(0, kAdam.size(), kAdam) == 0) {
    checkpoint.adam = read_adam(reader);
    checkpoint.adam->first_moment = take_layers(path, file, checkpoint.net, "adam.first_moment.");
    checkpoint.adam->second_moment = take_layers(path, file, checkpoint.net, "adam.second_moment.");
    if (checkpoint.adam->options.ema_decay > 0) checkpoint.adam->ema = take_layers(path, file, checkpoint.net, "ema.");
    check_file(path, kAdam, [&] { check(*checkpoint.adam, checkpoint.net.param_count()); });
  }
  if (reader.left().count(kSamplesBest) > 0) {
    const std::string value = reader.take(kSamplesBest);
    if (value != "true" && value != "false") reader.refuse(kSamplesBest, "true or false", "'" + value + "'");
    checkpoint.samples_best = value == "true";
    checkpoint.best = take_layers(path, file, checkpoint.net, kBest);
    check_file(path, "", [&] { check_finite("best.layers", checkpoint.best); });
  }
  for (const auto& [key, value] : reader.left()) {
    if (!is_user(key)) reader.refuse_unknown(key, value);
    checkpoint.metadata[key.substr(kUser.size())] = value;
  }
  checkpoint.arrays = take_arrays(path, file);
  if (!file.tensors.empty())
    fail(path, "tensor '" + file.tensors.begin()->first + "': expected no tensor of this name, got one");
  return checkpoint;
}

}  // namespace scorematch
