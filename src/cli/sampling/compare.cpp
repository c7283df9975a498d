// scorematch compare: a case on several engines, and how far their results are from the first engine's.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "cli/models/eval_case.h"
#include "cli/models/non_finite.h"
#include "cli/options/commands.h"
#include "scorematch/error.h"

namespace scorematch::cli {
namespace {

struct Options {
  std::string input;
  std::vector<std::string> engines = {"reference", "cpu"};
  int threads = 0;
  double tolerance = 0;
  ReportOptions report;
};

/// Of an array against one that is taken as right, relative to that one's largest value and to its root mean square.
struct Difference {
  double largest = 0, rms = 0;
};

Difference difference(const std::vector<double>& got, const std::vector<double>& want) {
  double largest_error = 0, largest = 0, error_square = 0, square = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    // The standard error of one sample is not a number on any engine.
    const double error = std::isnan(got[i]) && std::isnan(want[i]) ? 0 : std::abs(got[i] - want[i]);
    // Not std::max, which would ignore NaN.
    if (!(error <= largest_error)) largest_error = error;
    if (std::abs(want[i]) > largest) largest = std::abs(want[i]);
    error_square += error * error;
    if (!std::isnan(want[i])) square += want[i] * want[i];
  }
  const auto relative = [](double error, double size) { return error == 0 ? 0 : error / size; };
  return {relative(largest_error, largest), relative(std::sqrt(error_square), std::sqrt(square))};
}

std::string padded(std::string text, std::size_t columns) {
  text.resize(std::max(text.size(), columns), ' ');
  return text;
}

/// The input of a float32 engine, for all of them.
SafetensorsFile in_float32(SafetensorsFile file) {
  for (auto& [name, tensor] : file.tensors) tensor.values = tensor.as_float();
  return file;
}

void run(const Options& options) {
  if (std::set<std::string>(options.engines.begin(), options.engines.end()).size() < options.engines.size() ||
      options.engines.size() < 2)
    refuse_option("--engines", "two or more, each once", std::to_string(options.engines.size()));
  Report report(options.report, "compare", {"engines[]", "relative_to", "differences[]"});
  const SafetensorsFile input = in_float32(read_safetensors(options.input));
  warn_of_non_finite(report, options.input, input);
  std::vector<SafetensorsFile> results;
  for (const std::string& name : options.engines) {
    const Engine engine = EngineOptions{name, options.threads}.make();
    results.push_back(evaluate_case(engine, options.input, input));
    const std::string description = engine.description();
    report.raw(fact("engines", Members{{"name", name}, {"description", description}},
                    padded(name, 10) + "  " + description + "\n"));
  }
  report.raw("\nrelative to " + fact("relative_to", options.engines[0]) +
             ": largest error, root mean square error\n\n" + padded("output", 24));
  for (std::size_t e = 1; e < results.size(); ++e)
    report.raw("  " + std::string(20 - options.engines[e].size(), ' ') + options.engines[e]);
  report.raw("\n");
  std::string worst_place;
  double worst = 0;
  for (const auto& [name, tensor] : results[0].tensors) {
    report.raw(padded(name, 24));
    for (std::size_t e = 1; e < results.size(); ++e) {
      const Difference d = difference(results[e].tensors.at(name).as_double(), tensor.as_double());
      char text[64];
      std::snprintf(text, sizeof text, "  %9.2e  %9.2e", d.largest, d.rms);
      report.raw(fact(
          "differences",
          Members{{"output", name}, {"engine", options.engines[e]}, {"largest_error", d.largest}, {"rms_error", d.rms}},
          text));
      if (!(d.largest <= worst)) worst = d.largest, worst_place = name + " on " + options.engines[e];
    }
    report.raw("\n");
  }
  if (options.tolerance > 0 && !(worst <= options.tolerance)) {
    char text[64];
    std::snprintf(text, sizeof text, "at most %g, got %.3g in ", options.tolerance, worst);
    throw Error(ErrorCode::invalid_argument, "largest error", "largest error: expected " + (text + worst_place));
  }
  report.finish();
}

}  // namespace

std::unique_ptr<OptionTable> add_compare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  auto table =
      std::make_unique<OptionTable>(app, "compare", "Evaluate a case on several engines and compare the results");
  table->required_text("case", options->input, "the case, .safetensors (docs/eval-format.md); rounded to float32");
  table->list("--engines", options->engines, {"cuda", "cpu", "reference"},
              "engines, separated by commas; the others are compared with the first", always_has_effect());
  const auto& engines = options->engines;
  table->number("--threads", options->threads, 0, 4096, "threads of the cpu engine; 0: one per available processor",
                needs({"--engines with cpu",
                       [&engines] { return std::find(engines.begin(), engines.end(), "cpu") != engines.end(); },
                       [&engines] { return "--engines " + value_text(engines); }}));
  table->number("--tolerance", options->tolerance, 0, 1e30, "fail if an error is larger; 0: never",
                always_has_effect());
  options->report.add_to(*table);
  table->on_run([options] { run(*options); });
  return table;
}

}  // namespace scorematch::cli
