#include "cli/models/state_dict.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "cli/data/dataset.h"
#include "cli/models/model_metadata.h"
#include "cli/options/refusal.h"
#include "formats/spec_plans.h"
#include "model/network.h"

namespace scorematch::cli {
namespace {

constexpr const char *kMean = "data.mean", *kScale = "data.scale", *kMixing = "data.mixing", *kWarp = "data.warp";
const std::string kLoss = "loss.";
constexpr int kWidest = (1 << 20) + (1 << 21);  // inputs and features

// What the command records in a model apart from the network, and is useful without its run.
constexpr const char* kKept[] = {"objective",        "schedule",         "weighting",
                                 "sigma_min",        "sigma_max",        "data.lowest",
                                 "data.highest",     "data.dequantize",  "data.dequantize.steps",
                                 "data.grid_offset", "data.grid_lowest", "data.grid_highest",
                                 kDeviation,         kLargestDeviation,  "context.classes",
                                 "context.columns",  "context.mean",     "context.scale"};

std::string replaced(std::string text, const std::string& part, const std::string& by) {
  for (std::size_t at; (at = text.find(part)) != std::string::npos;) text.replace(at, part.size(), by);
  return text;
}

/// Numbers within names are compared by size: "net.10" after "net.2".
bool natural_less(const std::string& a, const std::string& b) {
  std::size_t i = 0, j = 0;
  const auto digits = [](const std::string& text, std::size_t at) {
    std::size_t end = at;
    while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end])) != 0) ++end;
    return end - at;
  };
  while (i < a.size() && j < b.size()) {
    const std::size_t n = digits(a, i), m = digits(b, j);
    if (n > 0 && m > 0) {
      if (n != m) return n < m;
      if (const int order = a.compare(i, n, b, j, m); order != 0) return order < 0;
      i += n, j += m;
      continue;
    }
    if (a[i] != b[j]) return a[i] < b[j];
    ++i, ++j;
  }
  return a.size() - i < b.size() - j;
}

/// A file's tensors, removed one by one, so that what is left is unknown.
class Tensors {
 public:
  Tensors(std::string path, std::map<std::string, Tensor> tensors, const std::string& prefix)
      : path_(std::move(path)), tensors_(std::move(tensors)) {
    for (auto at = tensors_.begin(); at != tensors_.end();)
      at = at->first.compare(0, prefix.size(), prefix) == 0 ? std::next(at) : tensors_.erase(at);
  }

  [[noreturn]] void fail(const std::string& what) const { throw Error(ErrorCode::io, path_, path_ + ": " + what); }
  bool has(const std::string& name) const { return tensors_.count(name) > 0; }
  const std::map<std::string, Tensor>& left() const { return tensors_; }

  /// @param rank of it @param expected for the message
  Tensor take(const std::string& name, std::size_t rank, const std::string& expected) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) fail("tensor '" + name + "': expected " + expected + ", got nothing");
    Tensor tensor = std::move(found->second);
    if (tensor.shape.size() != rank || *std::min_element(tensor.shape.begin(), tensor.shape.end()) < 1 ||
        *std::max_element(tensor.shape.begin(), tensor.shape.end()) > kWidest)
      fail("tensor '" + name + "': expected " + expected + ", got " + describe_shape(tensor.shape));
    tensors_.erase(found);
    const std::vector<double> values = tensor.as_double();
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!std::isfinite(static_cast<float>(values[i])))
        fail("tensor '" + name + "': expected finite float32 values, got " + number_text(values[i]) + " at " +
             std::to_string(i));
    return tensor;
  }

  std::vector<float> take_vector(const std::string& name, std::int64_t size, const std::string& why = "") {
    const std::string expected = "[" + std::to_string(size) + "]" + why;
    const Tensor tensor = take(name, 1, expected);
    if (tensor.shape[0] != size)
      fail("tensor '" + name + "': expected " + expected + ", got " + describe_shape(tensor.shape));
    return tensor.as_float();
  }

 private:
  std::string path_;
  std::map<std::string, Tensor> tensors_;
};

/// The modules' names, in the order of the layers.
std::vector<std::string> find_modules(const Tensors& tensors, const ModuleNames& names) {
  std::vector<std::string> modules;
  if (!names.listed.empty()) {
    for (const std::string& each : names.listed) modules.push_back(names.prefix + each);
  } else if (!names.pattern.empty()) {
    while (modules.empty() || tensors.has(modules.back() + ".weight"))
      modules.push_back(names.of(static_cast<int>(modules.size())));
    if (modules.size() > 1) modules.pop_back();  // the error about a missing tensor names the first
  } else {
    const std::string kWeight = ".weight";
    for (const auto& [name, tensor] : tensors.left())
      if (name.size() > kWeight.size() && name.compare(name.size() - kWeight.size(), kWeight.size(), kWeight) == 0 &&
          tensor.shape.size() == 2)
        modules.push_back(name.substr(0, name.size() - kWeight.size()));
    std::sort(modules.begin(), modules.end(), natural_less);
    if (modules.empty()) modules.push_back(names.prefix + "0");
  }
  return modules;
}

/// Widths and parameters.
/// @param net gets dim and hidden; its conditioning is known
std::vector<float> take_layers(Tensors& tensors, const std::vector<std::string>& modules, MlpShape& net) {
  std::vector<float> params;
  std::int64_t first_inputs = 0, outputs = 0;
  net.hidden.clear();
  for (std::size_t k = 0; k < modules.size(); ++k) {
    const std::string name = modules[k] + ".weight";
    const std::string expected =
        k == 0 ? "[out, in]"
               : "[out, " + std::to_string(outputs) + "], because '" + modules[k - 1] + "' has that many outputs";
    const Tensor weight = tensors.take(name, 2, expected);
    if (k == 0) first_inputs = weight.shape[1];
    if (k > 0 && weight.shape[1] != outputs)
      tensors.fail("tensor '" + name + "': expected " + expected + ", got " + describe_shape(weight.shape));
    outputs = weight.shape[0];
    if (k + 1 < modules.size()) net.hidden.push_back(static_cast<int>(outputs));
    const std::vector<float> values = weight.as_float();
    const std::vector<float> bias = tensors.take_vector(modules[k] + ".bias", outputs);
    params.insert(params.end(), values.begin(), values.end());
    params.insert(params.end(), bias.begin(), bias.end());
  }
  const std::int64_t features = feature_count(net.conditioning);
  const std::int64_t context = context_count(net.context);
  const std::int64_t dim = first_inputs - features - context;
  std::string inputs = std::to_string(first_inputs) + " inputs, of which " + std::to_string(features) +
                       " are features of sigma by --conditioning";
  if (context > 0) inputs += " and " + std::to_string(context) + " a context";
  if (dim < 1)
    tensors.fail("tensor '" + modules[0] + ".weight': expected more than " + std::to_string(features + context) +
                 " inputs, got " + inputs);
  const std::int64_t wanted = net.kind == MlpShape::Kind::score ? dim : 1;
  if (outputs != wanted)
    tensors.fail("tensor '" + modules.back() + ".weight': expected " + std::to_string(wanted) + " outputs, because '" +
                 modules[0] + "' has " + inputs + ", got " + std::to_string(outputs));
  net.dim = static_cast<int>(dim);
  return params;
}

void take_standardization(Tensors& tensors, const std::string& prefix, Checkpoint& model) {
  Standardization& units = model.standardization;
  const Tensor mean = tensors.take(prefix + kMean, 1, "[columns]");
  units.mean = mean.as_double();
  const std::string expected = describe_shape(mean.shape), name = "tensor '" + prefix + kScale + "': expected ";
  const Tensor scale = tensors.take(prefix + kScale, 1, expected);
  if (scale.shape != mean.shape) tensors.fail(name + expected + ", got " + describe_shape(scale.shape));
  units.scale = scale.as_double();
  if (tensors.has(prefix + kWarp)) {
    const Tensor warp = tensors.take(prefix + kWarp, 1, expected);
    if (warp.shape != mean.shape)
      tensors.fail("tensor '" + prefix + kWarp + "': expected " + expected + ", got " + describe_shape(warp.shape));
    units.warp = warp.as_double();
  }
  if (tensors.has(prefix + kMixing)) units.mixing = tensors.take(prefix + kMixing, 2, "[columns, inputs]").as_double();
  for (const double each : units.scale)
    if (!(each >= 0)) tensors.fail(name + "values >= 0 (0 for a constant column), got " + number_text(each));
  const std::size_t coordinates = units.coordinates().size(), inputs = static_cast<std::size_t>(model.net.dim);
  if (!units.mixing.empty() && (coordinates < inputs || units.mixing.size() != coordinates * inputs))
    tensors.fail("tensor '" + prefix + kMixing + "': expected [" + std::to_string(coordinates) + ", " +
                 std::to_string(inputs) + "], got " + std::to_string(units.mixing.size()) + " values");
  if (const auto varying = static_cast<int>(coordinates); units.mixing.empty() && varying != model.net.dim)
    tensors.fail(name + std::to_string(model.net.dim) + " values > 0, because the network has " +
                 std::to_string(model.net.dim) + " inputs, got " + std::to_string(varying));
}

/// The loss of the model that was exported. Given noise levels replace it.
std::optional<Loss> take_loss(const std::string& path, const Metadata& metadata, const Description& given) {
  MetadataReader reader(path, metadata);
  MetadataReader section = reader.take_section(kLoss);
  if (!section.has("objective") || given.count("sigma_min") > 0 || given.count("sigma_max") > 0) return {};
  const Loss loss = read_loss(section, read_sigma_data(section));
  section.refuse_rest();
  return loss;
}

/// The network except its widths: from what is given, or else from the metadata.
MlpShape describe_net(const std::string& path, const Metadata& metadata, const Description& given, Tensors& tensors,
                      const std::string& frequencies) {
  Metadata all;
  for (const char* key : {"net", "activation", "parameterization", "conditioning", "residual", "sigma_data", "context",
                          "context_optional"}) {
    if (const auto found = metadata.find(key); found != metadata.end()) all[key] = found->second;
    if (const auto found = given.find(key); found != given.end()) all[key] = found->second;
  }
  all.emplace("net", "score");
  for (const char* key : {"activation", "parameterization", "conditioning"})
    if (all.count(key) == 0) refuse(std::string("--") + key, "a value, because " + path + " has none", "nothing");
  const bool is_fourier = all.at("conditioning") == name_of(Conditioning::Kind::fourier);
  if (!is_fourier && tensors.has(frequencies))
    tensors.fail("tensor '" + frequencies + "': expected no such tensor, because --conditioning is " +
                 all.at("conditioning") + ", got one");
  MetadataReader reader(path, all);
  return read_net(reader, is_fourier ? tensors.take(frequencies, 1, "[F]").as_double() : std::vector<double>(),
                  is_fourier);
}

}  // namespace

bool ModuleNames::counts() const {
  return pattern.find("{layer}") != std::string::npos || pattern.find("{index}") != std::string::npos;
}

std::string ModuleNames::of(int layer) const {
  if (!listed.empty()) return prefix + listed.at(static_cast<std::size_t>(layer));
  return prefix + replaced(replaced(pattern, "{layer}", std::to_string(layer)), "{index}", std::to_string(2 * layer));
}

SafetensorsFile to_state_dict(const Checkpoint& model, const std::vector<float>& params, const ModuleNames& names,
                              bool layers_only) {
  SafetensorsFile file;
  int k = 0;
  const auto slice = [&](std::int64_t begin, std::int64_t count) {
    return std::vector<float>(params.begin() + begin, params.begin() + begin + count);
  };
  for (const MlpShape::Layer& layer : model.net.layers()) {
    const std::string module = names.of(k++);
    file.tensors[module + ".weight"] = {{layer.out, layer.in}, slice(layer.weight, std::int64_t{layer.in} * layer.out)};
    file.tensors[module + ".bias"] = {{layer.out}, slice(layer.bias, layer.out)};
  }
  write_net(model.net, file.metadata);
  for (const char* key : kKept)
    if (const auto found = model.metadata.find(key); found != model.metadata.end()) file.metadata[key] = found->second;
  if (model.loss) {
    Metadata loss;
    write_loss(*model.loss, loss);
    for (const auto& [key, value] : loss) file.metadata[kLoss + key] = value;
  }
  file.metadata["format"] = "pt";  // what loaders for PyTorch look for
  if (layers_only) return file;
  if (const auto& frequencies = model.net.conditioning.frequencies;
      model.net.conditioning.kind == Conditioning::Kind::fourier)
    file.tensors[names.prefix + "fourier.frequencies"] = {{static_cast<std::int64_t>(frequencies.size())}, frequencies};
  if (!model.standardization.mean.empty()) {
    const std::vector<std::int64_t> shape = {data_columns(model)};
    file.tensors[names.prefix + kMean] = {shape, model.standardization.mean};
    file.tensors[names.prefix + kScale] = {shape, model.standardization.scale};
    if (!model.standardization.warp.empty()) file.tensors[names.prefix + kWarp] = {shape, model.standardization.warp};
    if (!model.standardization.mixing.empty())
      file.tensors[names.prefix + kMixing] = {
          {static_cast<std::int64_t>(model.standardization.coordinates().size()), model.net.dim},
          model.standardization.mixing};
  }
  return file;
}

Checkpoint from_state_dict(const std::string& path, const ModuleNames& names, const std::string& frequencies,
                           const Description& given) {
  SafetensorsFile file = read_safetensors(path, Halves::widen);
  if (const auto format = file.metadata.find("format");
      format != file.metadata.end() && format->second.rfind("scorematch", 0) == 0)
    throw Error(ErrorCode::io, path, path + ": expected a state_dict, got a '" + format->second + "'");
  Tensors tensors(path, std::move(file.tensors), names.prefix);

  Checkpoint model;
  model.loss = take_loss(path, file.metadata, given);
  model.net = describe_net(path, file.metadata, given, tensors, names.prefix + frequencies);
  for (const char* each : {kMean, kScale}) {
    if (!tensors.has(names.prefix + kMean) && !tensors.has(names.prefix + kScale)) break;
    if (!tensors.has(names.prefix + each))
      tensors.fail("tensor '" + names.prefix + each + "': expected [dim], got nothing");
  }
  model.params = take_layers(tensors, find_modules(tensors, names), model.net);
  if (tensors.has(names.prefix + kMean)) {
    take_standardization(tensors, names.prefix, model);
  }
  if (!tensors.left().empty()) {
    const auto& [unknown, tensor] = *tensors.left().begin();
    tensors.fail("tensor '" + unknown + "': expected no tensor other than those of the layers, got " +
                 describe_shape(tensor.shape));
  }
  for (const char* key : kKept) {
    if (const auto found = file.metadata.find(key); found != file.metadata.end()) model.metadata[key] = found->second;
    if (const auto found = given.find(key); found != given.end()) model.metadata[key] = found->second;
  }
  return model;
}

}  // namespace scorematch::cli
