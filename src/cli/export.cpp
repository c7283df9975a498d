// scorematch export: a model's parameters as a PyTorch state_dict.
#include <cstdio>

#include "cli/commands.h"
#include "cli/outputs.h"
#include "cli/refusal.h"
#include "cli/state_dict.h"

namespace scorematch::cli {
namespace {

struct Options {
  std::string model, output, params = "sampling";
  ModuleNames names{"", "{index}", {}};
  bool layers_only = false;
};

const std::vector<float>& choose(const Options& options, const Checkpoint& model) {
  if (options.params == "sampling") return model.sampling_params();
  if (options.params == "last") return model.params;
  if (!model.adam || model.adam->ema.empty())
    refuse("--params", "sampling or last, as " + options.model + " has no average", "average");
  return model.adam->ema;
}

void run(const Options& options) {
  if (!options.names.counts()) refuse_option("--names", "{layer} or {index} within", "'" + options.names.pattern + "'");
  const Checkpoint model = Checkpoint::load(options.model);
  check_output("--output", options.output, {options.model});
  const SafetensorsFile file = to_state_dict(model, choose(options, model), options.names, options.layers_only);
  write_safetensors(options.output, file);
  for (const auto& [name, tensor] : file.tensors)
    std::printf("%-11s %s %s\n", "tensor", name.c_str(), describe_shape(tensor.shape).c_str());
  std::printf("wrote       %s\n", options.output.c_str());
}

}  // namespace

void add_export(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("export", "Write a model as a PyTorch state_dict");
  command->add_option("model", options->model, "model.safetensors")->required()->check(not_empty());
  command->add_option("-o,--output", options->output, "where to write it, .safetensors")
      ->required()
      ->check(not_empty());
  command
      ->add_option("--params", options->params,
                   "which: those to sample with, the last ones of training, or their average")
      ->check(CLI::IsMember({"sampling", "last", "average"}))
      ->capture_default_str();
  command
      ->add_option("--names", options->names.pattern,
                   "modules of the layers; {layer} counts 0, 1, 2, {index} counts 0, 2, 4 as in an nn.Sequential")
      ->check(not_empty())
      ->capture_default_str();
  command->add_option("--prefix", options->names.prefix, "before every name, for example net.");
  command->add_flag(
      "--layers-only", options->layers_only,
      "weights and biases alone, as load_state_dict() takes them; without Fourier frequencies and data.*");
  command->callback([options] { run(*options); });
}

}  // namespace scorematch::cli
