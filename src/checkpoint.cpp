#include "scorematch/checkpoint.h"

#include <algorithm>

#include "network.h"
#include "safetensors.h"
#include "scorematch/philox.h"
#include "spec_text.h"
#include "validate.h"

namespace scorematch {
namespace {

constexpr const char* kFormat = "scorematch-checkpoint-1";
constexpr const char* kFrequencies = "fourier.frequencies";
constexpr const char *kDataMean = "data.mean", *kDataScale = "data.scale";
const std::string kAdam = "adam.", kBest = "best.";
constexpr const char* kSamplesBest = "best.sampled_with";
const std::string kUser = "user.";  // before the names of the caller's own metadata and arrays

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

/// Takes the tensor out, so that what is left over is unknown.
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

/// dim and hidden, from the shapes of layers.K.weight.
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
  net.dim = in - feature_count(net.conditioning);
  const int out = net.kind == MlpShape::Kind::score ? net.dim : 1;
  if (net.dim < 1 || widths.back() != out)
    fail(path, "the last layer: expected " + std::to_string(out) + " outputs, as the first has " + std::to_string(in) +
                   " inputs, got " + std::to_string(widths.back()));
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
  adam.progress.learning_rate = reader.take_number("adam.progress.learning_rate");
  adam.progress.grad_norm = reader.take_number("adam.progress.grad_norm");
  adam.progress.step = reader.take_int("adam.progress.step");
  adam.progress.skipped = reader.take_int("adam.progress.skipped");
  return adam;
}

/// Of a file: what `check` refuses is not one of ours.
template <class Check>
void check_file(const std::string& path, const std::string& prefix, const Check& check) {
  try {
    check();
  } catch (const Error& error) {
    fail(path, prefix + error.what());
  }
}

void check_size(const char* name, const std::vector<float>& values, std::int64_t wanted) {
  if (values.size() != static_cast<std::size_t>(wanted))
    throw_invalid(name, std::to_string(wanted) + " values", std::to_string(values.size()));
}

void check(const Standardization& standardization, int dim) {
  if (standardization.mean.empty() && standardization.scale.empty()) return;
  check_size(kDataMean, standardization.mean, dim);
  check_size(kDataScale, standardization.scale, dim);
  check_finite(kDataMean, standardization.mean);
  check_finite(kDataScale, standardization.scale);
  for (const float each : standardization.scale)
    if (!(each > 0)) throw_invalid(kDataScale, "values > 0", describe(static_cast<double>(each)));
}

void write_standardization(const Standardization& standardization, int dim, SafetensorsFile& file) {
  if (standardization.mean.empty()) return;
  file.tensors[kDataMean] = {{dim}, standardization.mean};
  file.tensors[kDataScale] = {{dim}, standardization.scale};
}

Standardization take_standardization(const std::string& path, SafetensorsFile& file, int dim) {
  Standardization standardization;
  if (find(file, kDataMean) == nullptr && find(file, kDataScale) == nullptr) return standardization;
  standardization.mean = take(path, file, kDataMean, {dim});
  standardization.scale = take(path, file, kDataScale, {dim});
  check_file(path, "", [&] { check(standardization, dim); });
  return standardization;
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

const std::vector<float>& Checkpoint::sampling_params() const {
  if (samples_best) return best;
  const bool averaged = adam && !adam->ema.empty() && adam->options.ema_is_settled(adam->progress.step);
  return averaged ? adam->ema : params;
}

void Checkpoint::save(const std::string& path) const {
  // What load() would refuse must not replace a good file.
  check(net);
  const std::int64_t count = net.param_count();
  check_size("params", params, count);
  check_finite("params", params);
  check(noise);
  check(standardization, net.dim);
  if (adam) check(*adam, count);
  if (samples_best || !best.empty()) check_size("best", best, count);
  check_finite("best", best);
  SafetensorsFile file;
  file.metadata["format"] = kFormat;
  write_net(net, file.metadata);
  write_standardization(standardization, net.dim, file);
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
  if (const auto* fourier = std::get_if<conditioning::Fourier>(&net.conditioning))
    file.tensors[kFrequencies] = {{static_cast<std::int64_t>(fourier->frequencies.size())}, fourier->frequencies};
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
    if (!is_user(key)) reader.refuse(key, "a name this version knows", "'" + value + "'");
    checkpoint.metadata[key.substr(kUser.size())] = value;
  }
  checkpoint.arrays = take_arrays(path, file);
  if (!file.tensors.empty())
    fail(path, "tensor '" + file.tensors.begin()->first + "': expected nothing by that name, got one");
  return checkpoint;
}

}  // namespace scorematch
