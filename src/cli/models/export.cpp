// scorematch export: a model's parameters as a PyTorch state_dict.
#include "cli/models/state_dict.h"
#include "cli/options/commands.h"
#include "cli/options/outputs.h"
#include "cli/options/refusal.h"

namespace scorematch::cli {
namespace {

struct Options {
  std::string model, output, params = "sampling";
  ModuleNames names{"", "{index}", {}};
  bool layers_only = false;
  ReportOptions report;
};

const std::vector<float>& choose(const Options& options, const Checkpoint& model) {
  if (options.params == "sampling") return model.sampling_params();
  if (options.params == "last") return model.params;
  if (!model.adam || model.adam->ema.empty())
    refuse("--params", "sampling or last, because " + options.model + " has no average", "average");
  return model.adam->ema;
}

void run(const Options& options) {
  if (!options.names.counts()) refuse_option("--names", "{layer} or {index} within", "'" + options.names.pattern + "'");
  const Checkpoint model = Checkpoint::load(options.model);
  check_output("--output", options.output, {options.model});
  Report report(options.report, "export", {"tensors[]", "wrote[]"});
  report.refuse_stdout("--output", options.output);
  const SafetensorsFile file = to_state_dict(model, choose(options, model), options.names, options.layers_only);
  write_safetensors(options.output, file);
  for (const auto& [name, tensor] : file.tensors)
    report.line("tensor", fact("tensors", Members{{"name", name}, {"shape", list_of(tensor.shape)}},
                               name + " " + describe_shape(tensor.shape)));
  report.line("wrote", fact("wrote", options.output));
  report.finish();
}

}  // namespace

std::unique_ptr<OptionTable> add_export(CLI::App& app) {
  auto options = std::make_shared<Options>();
  auto table = std::make_unique<OptionTable>(app, "export", "Write a model as a PyTorch state_dict");
  table->required_text("model", options->model, "model.safetensors");
  table->required_text("-o,--output", options->output, "where to write it, .safetensors");
  table->choice("--params", options->params, {"sampling", "last", "average"},
                "which parameters: those to sample with, the last of training, or their average", always_has_effect());
  table->text("--names", options->names.pattern,
              "names of the layers' modules; {layer} counts 0, 1, 2, {index} counts 0, 2, 4 as in an nn.Sequential",
              always_has_effect());
  table->text("--prefix", options->names.prefix, "prefix of every name, for example net.", always_has_effect());
  table->flag("--layers-only", options->layers_only,
              "only weights and biases, as load_state_dict() expects them; no Fourier frequencies, no data.*",
              always_has_effect());
  options->report.add_to(*table);
  table->on_run([options] { run(*options); });
  return table;
}

}  // namespace scorematch::cli
