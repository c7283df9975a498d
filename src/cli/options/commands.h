// The subcommands of `scorematch`, one file each, and the options that several of them have.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/options/option_table.h"
#include "cli/report/report.h"
#include "scorematch/engine.h"
#include "scorematch/mlp.h"

namespace scorematch::cli {

/// --engine and --threads.
struct EngineOptions {
  std::string name = "auto";
  int threads = 0;
  int device = 0;  // of the cuda engine

  void add_to(OptionTable& table);
  /// auto: cuda if it works, else cpu; its description says why an engine was passed over.
  Engine make() const;
};

/// --missing, whose value missing_named() converts.
void add_missing(OptionTable& table, std::string& value, Need need = always_has_effect());

/// An option that contradicts others: the same exit code as for one that cannot be read.
[[noreturn]] void refuse_option(const std::string& option, const std::string& expected, const std::string& got);

/// "2 -> 64 64 -> 2, 4482 parameters", with the facts kNetworkKeys.
Phrase describe_network(const MlpShape& net);
const std::vector<std::string> kNetworkKeys = {"network.kind", "network.dim", "network.hidden[]", "network.outputs",
                                               "network.parameters"};

/// A property of the model in the file.
/// @param is_so nothing as long as the file has not been read
Condition model_is(const std::string& wanted, const std::string& otherwise, const std::optional<bool>& is_so);
/// A layer on which --residual has an effect.
/// @param net nothing as long as it is not known
Condition residual_layer(std::function<std::optional<MlpShape>()> net);

/// The subcommands. Each owns the values of its options.
std::unique_ptr<OptionTable> add_info(CLI::App& app);
std::unique_ptr<OptionTable> add_train(CLI::App& app);
std::unique_ptr<OptionTable> add_sample(CLI::App& app);
std::unique_ptr<OptionTable> add_eval(CLI::App& app);
std::unique_ptr<OptionTable> add_compare(CLI::App& app);
std::unique_ptr<OptionTable> add_export(CLI::App& app);
std::unique_ptr<OptionTable> add_import(CLI::App& app);
std::unique_ptr<OptionTable> add_likelihood(CLI::App& app);
/// Subcommands of `scorematch scan`.
std::unique_ptr<OptionTable> add_scan_projections(CLI::App& scan);
std::unique_ptr<OptionTable> add_scan_sigma(CLI::App& scan);
/// All of them, in the order of the help. The tables must outlive the parsing.
std::vector<std::unique_ptr<OptionTable>> add_commands(CLI::App& app);

}  // namespace scorematch::cli
