// scorematch eval: one objective of a case file, to compare with any framework (docs/eval-format.md).
#include "cli/models/eval_case.h"
#include "cli/models/non_finite.h"
#include "cli/options/commands.h"
#include "cli/options/outputs.h"

namespace scorematch::cli {
namespace {

struct Options {
  std::string input, output;
  EngineOptions engine;
  ReportOptions report;
};

void run(const Options& options) {
  const Engine engine = options.engine.make();
  check_output("--output", options.output, {options.input});
  Report report(options.report, "eval", {"loss.mean", "loss.standard_error", "engine", "wrote[]"});
  report.refuse_stdout("--output", options.output);
  const SafetensorsFile input = read_safetensors(options.input);
  warn_of_non_finite(report, options.input, input);
  const SafetensorsFile out = evaluate_case(engine, options.input, input);
  write_safetensors(options.output, out);
  report.raw("loss " + rounded_fact("loss.mean", out.tensors.at("loss").as_double()[0], 9) + ", standard error " +
             rounded_fact("loss.standard_error", out.tensors.at("standard_error").as_double()[0], 3) + ", on " +
             fact("engine", engine.description()) + "\n");
  report.state(fact("wrote", options.output));
  report.finish();
}

}  // namespace

std::unique_ptr<OptionTable> add_eval(CLI::App& app) {
  auto options = std::make_shared<Options>();
  auto table = std::make_unique<OptionTable>(app, "eval", "Evaluate one objective of a case (docs/eval-format.md)");
  table->required_text("case", options->input, "the case, .safetensors");
  table->required_text("-o,--output", options->output, "where to write the results, .safetensors");
  options->engine.add_to(*table);
  options->report.add_to(*table);
  table->on_run([options] { run(*options); });
  return table;
}

}  // namespace scorematch::cli
