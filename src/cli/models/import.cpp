// scorematch import: a PyTorch state_dict as a model.
#include "cli/models/model_metadata.h"
#include "cli/models/state_dict.h"
#include "cli/options/commands.h"
#include "cli/options/outputs.h"
#include "formats/spec_text.h"

namespace scorematch::cli {
namespace {

struct Options {
  std::string input, output, frequencies = "fourier.frequencies";
  ModuleNames names;
  std::optional<MlpShape::Kind> net;
  std::optional<Activation> activation;
  std::optional<Parameterization::Kind> parameterization;
  std::optional<Conditioning::Kind> conditioning;
  double sigma_data = 0, sigma_min = 0, sigma_max = 0;  // 0: not given
  bool residual = false;
  ReportOptions report;
  std::optional<MlpShape> model;  // once the file is read
};

Description given(const Options& options) {
  Description all;
  const auto write = [&all](const auto& choice) {
    if (choice) write_choice(*choice, all);
  };
  write(options.net);
  write(options.activation);
  write(options.parameterization);
  write(options.conditioning);
  for (const auto& [key, value] : {std::pair<const char*, double>{"sigma_data", options.sigma_data},
                                   {"sigma_min", options.sigma_min},
                                   {"sigma_max", options.sigma_max}})
    if (value > 0) all[key] = number_text(value);
  if (options.residual) all["residual"] = "true";
  return all;
}

void run(Options& options, const OptionTable& table) {
  if (!options.names.pattern.empty() && !options.names.counts())
    refuse_option("--names", "a pattern with {layer} or {index}", "'" + options.names.pattern + "'");
  check(NoiseRange{options.sigma_min, options.sigma_max});
  check_output("--output", options.output, {options.input});
  std::vector<std::string> keys = kNetworkKeys;
  keys.push_back("wrote[]");
  Report report(options.report, "import", keys);
  report.refuse_stdout("--output", options.output);
  const Checkpoint model = from_state_dict(options.input, options.names, options.frequencies, given(options));
  options.model = model.net;
  table.check_needs();
  model.save(options.output);
  report.line("network", describe_network(model.net));
  report.line("wrote", fact("wrote", options.output));
  report.finish();
}

/// The model's choice is `value`, as given or else as in the file. @param in_model the choice of a network
template <class T>
Condition model_has(const Options& options, const std::optional<T>& asked, T value, T (*in_model)(const MlpShape&)) {
  const std::string option = std::string("--") + Names<T>::key + " ";
  const auto actual = [&options, &asked, in_model] {
    return options.model ? std::optional<T>(in_model(*options.model)) : asked;
  };
  return {option + name_of(value), [=] { return actual().value_or(value) == value; },
          [=] { return option + name_of(actual().value_or(value)); }};
}

}  // namespace

std::unique_ptr<OptionTable> add_import(CLI::App& app) {
  auto options = std::make_shared<Options>();
  auto table = std::make_unique<OptionTable>(app, "import", "Turn a PyTorch state_dict into a model");
  table->required_text("state_dict", options->input, "of nn.Linear modules: .safetensors with F32, F64, F16 or BF16");
  table->required_text("-o,--output", options->output, "where to write the model, .safetensors");
  table->text("--prefix", options->names.prefix, "take only tensors whose names begin with this, for example net.",
              always_has_effect());
  const Declared names = table->text("--names", options->names.pattern,
                                     "names of the layers' modules, for example net.{index}; {layer} counts 0, 1, 2, "
                                     "{index} 0, 2, 4; if not given, all "
                                     "modules in the order of their names",
                                     always_has_effect());
  table
      ->list("--layers", options->names.listed, {},
             "the names of the modules one by one, in order, separated by commas", always_has_effect())
      .excludes(names);
  table->choice("--net", options->net, "what the network computes; score if not given", always_has_effect());
  table->choice("--activation", options->activation, "activation", always_has_effect());
  table->choice("--parameterization", options->parameterization, "how its output becomes a score", always_has_effect());
  table->choice("--conditioning", options->conditioning, "how sigma enters the network, after x", always_has_effect());
  table->optional_number("--sigma-data", options->sigma_data, kSmallest, kLargest,
                         "standard deviation of the data, for edm; 0.5 if not given",
                         needs(model_has(
                             *options, options->parameterization, Parameterization::Kind::edm,
                             +[](const MlpShape& net) { return net.parameterization.kind; })));
  table->text("--frequencies", options->frequencies, "the tensor of Fourier frequencies",
              needs(model_has(
                  *options, options->conditioning, Conditioning::Kind::fourier,
                  +[](const MlpShape& net) { return net.conditioning.kind; })));
  table->flag("--residual", options->residual, "hidden layers as wide as their input add it to their output",
              needs(residual_layer([options = options.get()] { return options->model; })));
  table->optional_number("--sigma-min", options->sigma_min, kSmallest, kLargest,
                         "smallest noise the network was trained on, for sample", always_has_effect());
  table->optional_number("--sigma-max", options->sigma_max, kSmallest, kLargest,
                         "largest noise the network was trained on", always_has_effect());
  options->report.add_to(*table);
  table->on_run([options, &table = *table] { run(*options, table); });
  return table;
}

}  // namespace scorematch::cli
