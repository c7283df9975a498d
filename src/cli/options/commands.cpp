#include "cli/options/commands.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/ranks/launch.h"
#include "scorematch/error.h"

namespace scorematch::cli {

void EngineOptions::add_to(OptionTable& table) {
  table.choice("--engine", name, {"auto", "cuda", "cpu", "reference"}, "where to compute", always_has_effect());
  table.number("--threads", threads, 0, 4096, "threads of the cpu engine; 0: one per available processor",
               needs(chosen("--engine", name, {"auto", "cpu"})));
}

Engine EngineOptions::make() const {
  try {
    if (name == "reference") return Engine::reference();
    if (name == "cuda") return Engine::cuda(device);
    if (name == "cpu") return Engine::cpu(threads);
    if (device > 0) return Engine::cuda(device);  // that there is such a device was found out by trying it
    return Engine::best(threads);
  } catch (const Error& error) {
    throw Error(error.code(), "--engine", "--engine " + name + ": " + error.what());
  }
}

void add_missing(OptionTable& table, std::string& value, Need need) {
  table.choice("--missing", value, {"refuse", "drop"},
               "missing values (NaN, NA or an empty field): refuse them, or drop the rows that have one",
               std::move(need));
}

void refuse_option(const std::string& option, const std::string& expected, const std::string& got) {
  throw CLI::ValidationError(option, "expected " + expected + ", got " + got);
}

Phrase describe_network(const MlpShape& net) {
  Phrase text = silent("network.kind", name_of(net.kind)) + fact("network.dim", net.dim) + " -> ";
  for (const int width : net.hidden) text += fact("network.hidden", width) + " ";
  return text + "-> " + fact("network.outputs", net.kind == MlpShape::Kind::score ? net.dim : 1) + ", " +
         fact("network.parameters", net.param_count()) + " parameters";
}

Condition model_is(const std::string& wanted, const std::string& otherwise, const std::optional<bool>& is_so) {
  return {wanted, [&is_so] { return is_so.value_or(true); }, [otherwise] { return otherwise; }};
}

Condition residual_layer(std::function<std::optional<MlpShape>()> net) {
  const auto is_met = [net] {
    const std::optional<MlpShape> known = net();
    if (!known) return true;
    std::vector<MlpShape::Layer> layers = known->layers();
    layers.pop_back();  // the last one is linear
    return std::any_of(layers.begin(), layers.end(), [](const MlpShape::Layer& each) { return each.in == each.out; });
  };
  return {"a hidden layer as wide as its input", is_met, [net] {
            std::string text = "widths";
            for (const MlpShape::Layer& each : net()->layers()) text += " " + std::to_string(each.in);
            return text;
          }};
}

namespace {

/// Several processes would do the same work, and write the same files.
void refuse_several_processes(CLI::App& app) {
  for (CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (each->get_name() == "info" || each->get_name() == "train") continue;
    each->parse_complete_callback([] {
      const Launch launch = launch_of_environment();
      if (launch.size > 1)
        refuse_option(launch.variable, "1, as only train runs in several processes", std::to_string(launch.size));
    });
    refuse_several_processes(*each);
  }
}

}  // namespace

std::vector<std::unique_ptr<OptionTable>> add_commands(CLI::App& app) {
  std::vector<std::unique_ptr<OptionTable>> tables;
  for (const auto add :
       {add_info, add_train, add_sample, add_likelihood, add_eval, add_compare, add_export, add_import})
    tables.push_back(add(app));
  CLI::App& scan = *app.add_subcommand("scan", "Measure on your data what the choices of a training should be");
  scan.require_subcommand(1);
  tables.push_back(add_scan_projections(scan));
  tables.push_back(add_scan_sigma(scan));
  refuse_several_processes(app);
  return tables;
}

}  // namespace scorematch::cli
