// scorematch import: a PyTorch state_dict as a model.
#include <cstdio>

#include "cli/commands.h"
#include "cli/outputs.h"
#include "cli/state_dict.h"
#include "spec_text.h"

namespace scorematch::cli {
namespace {

struct Options {
  std::string input, output, frequencies = "fourier.frequencies";
  ModuleNames names;
  std::string net, activation, parameterization, conditioning, sigma_data, sigma_min, sigma_max;
  bool residual = false;
};

Description given(const Options& options) {
  Description all;
  for (const auto& [key, value] : {std::pair<const char*, const std::string&>{"net", options.net},
                                   {"activation", options.activation},
                                   {"parameterization", options.parameterization},
                                   {"conditioning", options.conditioning},
                                   {"sigma_data", options.sigma_data},
                                   {"sigma_min", options.sigma_min},
                                   {"sigma_max", options.sigma_max}})
    if (!value.empty()) all[key] = value;
  if (options.residual) all["residual"] = "true";
  return all;
}

void run(const Options& options) {
  if (!options.names.pattern.empty() && !options.names.counts())
    refuse_option("--names", "{layer} or {index} within", "'" + options.names.pattern + "'");
  if (!options.sigma_min.empty() && !options.sigma_max.empty() &&
      std::stod(options.sigma_min) > std::stod(options.sigma_max))
    refuse_option("--sigma-min", "at most --sigma-max " + options.sigma_max, options.sigma_min);
  check_output("--output", options.output, {options.input});
  const Checkpoint model = from_state_dict(options.input, options.names, options.frequencies, given(options));
  model.save(options.output);
  std::printf("network     %s\n", format_network(model.net).c_str());
  std::printf("wrote       %s\n", options.output.c_str());
}

}  // namespace

void add_import(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("import", "Take a PyTorch state_dict as a model");
  command->add_option("state_dict", options->input, "of nn.Linear modules, .safetensors, F32, F64, F16 or BF16")
      ->required()
      ->check(not_empty());
  command->add_option("-o,--output", options->output, "where to write the model, .safetensors")
      ->required()
      ->check(not_empty());
  command->add_option("--prefix", options->names.prefix, "take only tensors whose names begin so, for example net.");
  CLI::Option* names =
      command
          ->add_option(
              "--names", options->names.pattern,
              "modules of the layers, for example net.{index}; {layer} counts 0, 1, 2, {index} 0, 2, 4; all, in "
              "the order of their names, if not given")
          ->check(not_empty());
  command->add_option("--layers", options->names.listed, "or the modules one by one, in order, with commas")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(not_empty())
      ->excludes(names);
  const auto choice = [&](const char* name, std::string& value, std::vector<std::string> all, const char* help) {
    command->add_option(name, value, help)->check(CLI::IsMember(std::move(all)));
  };
  choice("--net", options->net, {"score", "energy"}, "what the network gives: score (if not given) or energy");
  choice("--activation", options->activation, {"silu", "softplus", "tanh", "gelu"}, "silu, softplus, tanh or gelu");
  choice("--parameterization", options->parameterization, {"plain", "ncsn", "noise", "edm"},
         "how its output becomes a score: plain, ncsn, noise or edm");
  choice("--conditioning", options->conditioning, {"none", "log_sigma", "fourier"},
         "how sigma enters, after x: none, log_sigma or fourier");
  const auto positive = [&](const char* name, std::string& value, const char* help) {
    command->add_option(name, value, help)->transform(in_range(1e-30, 1e30));
  };
  positive("--sigma-data", options->sigma_data, "of edm; 0.5 if not given");
  command->add_option("--frequencies", options->frequencies, "the tensor of Fourier frequencies")
      ->check(not_empty())
      ->capture_default_str();
  command->add_flag("--residual", options->residual, "hidden layers of equal width add their input");
  positive("--sigma-min", options->sigma_min, "smallest noise it was trained on, for sample");
  positive("--sigma-max", options->sigma_max, "largest noise it was trained on");
  command->callback([options] { run(*options); });
}

}  // namespace scorematch::cli
