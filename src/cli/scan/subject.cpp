#include "cli/scan/subject.h"

#include <CLI/Error.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>

#include "cli/files/data_file.h"
#include "cli/models/model_metadata.h"
#include "cli/options/interrupt.h"
#include "cli/options/refusal.h"
#include "cli/ranks/ranks.h"
#include "cli/training/run_record.h"
#include "cli/training/training.h"
#include "model/network.h"

namespace scorematch::cli {
namespace {

constexpr double kFractionOfSteps = 0.25;  // of those of `train`, for the work of 3 minutes
constexpr std::int64_t kFewestSteps = 200;
constexpr std::uint64_t kTwinSeed = 0x5bf0'3635'd1ec'7d2b;
constexpr std::uint64_t kAllSteps = 0;  // the step whose noise of dequantization the rows have

/// The options of training that are given, except --seed: with a model they have no effect.
void refuse_training_options(const ScanOptions& options) {
  for (const auto& [name, value] : options.train.recorded())
    if (name != "seed" && name != "objective" && options.is_given("--" + name))
      refuse_option("--" + name, "no --model, whose network and noise are used",
                    value + " with --model " + options.model);
}

void describe_network_of(const Subject& subject, Report& report) {
  report.line("engine", fact("engine", subject.engine.description()));
  report.line("network", describe_network(subject.net));
}

Subject read_subject(const ScanOptions& options, const Table& table, const Needed& needed, Report& report) {
  const Checkpoint model = Checkpoint::load(options.model);
  if (model.net.context.columns > 0) refuse("--model", "a model without a context", "'" + options.model + "' with one");
  const Units units(model);
  if (table.cols != units.columns())
    refuse("DATA", std::to_string(units.columns()) + " columns, like the model", std::to_string(table.cols));
  if (!model.loss)
    refuse("--model", "a model with the loss of its training, which `scorematch train` records",
           "'" + options.model + "' without one");
  const Grid grid = read_grid(model);
  check_grid(table, grid);
  Matrix rows = units.to_model(table);
  if (!grid.empty()) rows = Dequantizer(grid.steps, units, options.train.seed).all(rows, kAllSteps);
  Weighting weighting = model.loss->weighting;
  const bool is_same = kind_of(model.loss->objective) == needed.objective;
  const bool is_of_dsm = weighting.kind != Weighting::Kind::none && weighting.kind != Weighting::Kind::sigma2;
  if (!is_same && is_of_dsm && needed.objective != ObjectiveKind::dsm)
    weighting = weighting::Sigma2{};  // as `train` chooses it
  Subject subject{options.train.engine.make(), model.net, model.sampling_params(),
                  model.loss->schedule,        weighting, std::move(rows),
                  model.standardization,       {}};
  if (grid.empty()) subject.resolution = measure_resolution(table, model.standardization, model.net.dim);
  subject.deviation = measure_scale(subject.rows).deviation;
  const NoiseRange range = known_range({}, model);
  subject.sigma_min = range.low, subject.sigma_max = range.high;
  const bool has_range = range.low > 0 && range.high > range.low;
  if (needed.levels && !(subject.uses_sigma() && has_range))
    refuse("--model", "a model of a range of noise levels",
           "'" + options.model + "' with " +
               (subject.uses_sigma() ? "one level or none" : "a network that ignores sigma"));
  report.line("data", describe(table));
  describe_network_of(subject, report);
  report.line("model", fact("model", options.model));
  return subject;
}

Subject train_subject(ScanOptions& options, Table table, bool has_twin, Report& report) {
  TrainOptions& train = options.train;
  train.check(static_cast<int>(table.cols));
  train.choose_units(table);
  const std::string identity = identify(table);
  const Dataset data = prepare(table, train.preparation());
  const Phrase description = describe(table);
  const Resolution resolution = measure_resolution(table, data.standardization, data.dim);
  table = {};
  train.choose_training(data);
  train.choose_without_noise(data);
  const std::int64_t run_steps = train.steps;
  if (!options.is_given("--steps")) {
    const double part = std::min(1.0, kFractionOfSteps * options.work());
    train.steps = std::max(kFewestSteps, static_cast<std::int64_t>(part * static_cast<double>(train.steps)));
    train.warmup = std::min(train.warmup, train.steps / 2);
  }
  const std::unique_ptr<Ranks> alone = one_process();
  Training training(train, data, identity, nullptr, *alone);  // the last that may refuse something
  report.line("data", description);
  for (const std::string& note : data.notes) report.line("", fact("data.notes", note));
  report.line("units", train.describe_units());
  report.line("noise", train.describe_noise());
  report.line("objective", train.describe_objective());
  training.run();
  end_if_interrupted();
  std::optional<Subject::Twin> twin;
  if (has_twin) {
    TrainOptions other = train;
    other.seed = train.seed ^ kTwinSeed;
    Training second(other, data, identity, nullptr, *alone);
    second.run();
    end_if_interrupted();
    const Checkpoint trained = second.checkpoint();
    twin = Subject::Twin{trained.net, trained.sampling_params()};
  }
  const Checkpoint model = training.checkpoint();
  Matrix rows = data.training;
  if (!data.grid.empty())
    rows = Dequantizer(data.grid.steps, Units(data.standardization, data.dim), train.seed).all(rows, kAllSteps);
  Subject subject{
      train.engine.make(),   model.net,       model.sampling_params(), model.loss->schedule,
      model.loss->weighting, std::move(rows), data.standardization,    data.grid.empty() ? resolution : Resolution{}};
  subject.run_steps = run_steps, subject.deviation = train.sigma_data;
  subject.twin = std::move(twin);
  if (train.has_noise()) subject.sigma_min = train.sigma_min, subject.sigma_max = train.sigma_max;
  describe_network_of(subject, report);
  report.line("training", fact("training.steps", train.steps) + " steps of " + fact("training.batch", train.batch) +
                              " samples" + silent("training.networks", has_twin ? 2 : 1) +
                              (has_twin ? ", of two networks with different seeds" : ""));
  return subject;
}

/// In quotes where a shell needs them.
std::string quoted(const std::string& text) {
  const auto is_plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || std::string("_-./:,=+").find(c) != std::string::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) return text;
  std::string all = "'";
  for (const char c : text) all += c == '\'' ? "'\\''" : std::string(1, c);
  return all + "'";
}

}  // namespace

void ScanOptions::add_to(OptionTable& table) {
  table_ = &table;
  table.required_text("data", train.data, "the data, in any format that train reads");
  table.text("-o,--output", train.directory, "folder for scan.csv, scan.json and scan.png; nothing is written without",
             always_has_effect());
  table.text("--model", model, "a model that `scorematch train` has trained on such data, instead of one trained here",
             always_has_effect());
  table.number("--minutes", minutes, 0.001, 1e4,
               "how much to measure: about this long for 4,096 rows of 64 columns on two cores", always_has_effect());
  train.engine.add_to(table);
  train.report.add_to(table);
  add_missing(table, train.missing);
  train.add_recorded(table);
}

bool ScanOptions::is_given(const std::string& option) const {
  for (const OptionTable::Entry& each : table_->entries())
    if (each.name == option) return each.is_given;
  return false;
}

bool Subject::uses_sigma() const { return scorematch::uses_sigma(net.parameterization, net.conditioning); }

std::vector<std::string> subject_keys() {
  std::vector<std::string> keys = kDataKeys;
  keys.insert(keys.end(),
              {"data.notes[]", "units", "noise.schedule", "noise.sigma_min", "noise.sigma_max", "noise.levels",
               "noise.data_deviation", "noise.log_mean", "noise.log_deviation", "objective.name", "objective.variance",
               "objective.projections", "objective.distribution", "objective.weighting", "engine"});
  keys.insert(keys.end(), kNetworkKeys.begin(), kNetworkKeys.end());
  keys.insert(keys.end(), {"training.steps", "training.batch", "training.networks", "model"});
  return keys;
}

Subject make_subject(ScanOptions& options, const Needed& needed, Report& report) {
  if (!options.model.empty()) refuse_training_options(options);
  Table table = read_data(options.train.data, missing_named(options.train.missing));
  if (!options.model.empty()) return read_subject(options, table, needed, report);
  return train_subject(options, std::move(table), needed.twin, report);
}

void end_if_interrupted() {
  if (InterruptGuard::signal() == 0) return;
  std::fprintf(stderr, "scorematch: stopped before everything was measured, so nothing was saved\n");
  throw CLI::RuntimeError(128 + InterruptGuard::signal());
}

std::string train_command(const ScanOptions& options, const std::vector<std::pair<std::string, std::string>>& chosen) {
  std::string command = "scorematch train " + quoted(options.train.data) + " -o run";
  const auto is_chosen = [&](const std::string& name) {
    return std::any_of(chosen.begin(), chosen.end(), [&](const auto& each) { return each.first == "--" + name; });
  };
  for (const auto& [name, value] : options.train.recorded()) {
    if (!options.is_given("--" + name) || is_chosen(name)) continue;
    if (name == "residual")
      command += value == "true" ? " --residual" : " --no-residual";
    else if (name == "dequantize")
      command += " --dequantize=" + value;
    else
      command += " --" + name + " " + quoted(value);
  }
  if (options.train.missing != "refuse") command += " --missing " + options.train.missing;
  for (const auto& [name, value] : chosen) command += " " + name + " " + quoted(value);
  return command;
}

}  // namespace scorematch::cli
