// scorematch train: data in, a score model out.
#include <CLI/Error.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>

#include "cli/files/data_file.h"
#include "cli/options/interrupt.h"
#include "cli/options/outputs.h"
#include "cli/options/refusal.h"
#include "cli/ranks/ranks.h"
#include "cli/training/run_record.h"
#include "cli/training/training.h"
#include "scorematch/error.h"

namespace scorematch::cli {
namespace {

constexpr std::initializer_list<const char*> kFiles = {"model.safetensors", "loss.csv", "loss.png", "comparison.csv",
                                                       "comparison.png"};

/// What a run is made of. `training` refers to the others.
struct Run {
  std::optional<Checkpoint> before;  // that it continues
  std::string identity;
  Dataset data;
  Phrase description;
  std::optional<Training> training;
};

/// Reads the data, and decides what is left to it. Every rank does so by itself.
void prepare(TrainOptions& options, Ranks& ranks, Run& run) {
  if (ranks.is_first() && !options.overwrite)
    check_no_run("--output", options.directory, kFiles, options.resume, "--resume to continue it, or --overwrite");
  if (!options.resume.empty()) run.before = load_run(options.resume);
  if (run.before && dropped_rows(run.before->metadata)) options.missing = "drop";
  Table table = read_data(options.data, missing_named(options.missing));
  ContextData contexts;
  run.identity = identify(table);
  if (!options.labels.empty()) {
    if (table.dropped_rows > 0) refuse("--missing", "refuse with --labels, which has a class for each row", "drop");
    contexts = read_labels("--labels", options.labels, table.rows);
    run.identity += ", labels: " + identify(std::vector<float>(contexts.labels.begin(), contexts.labels.end()));
  }
  ContextUnits known;
  if (run.before) {
    known = read_contexts(options.resume, run.before->metadata);
    options.context_count = known.count();
    const std::int64_t columns = table.cols - static_cast<std::int64_t>(known.columns.size());
    take_over(*run.before, run.identity, static_cast<int>(dim_of(run.before->standardization, columns)), options);
  }
  run.description = describe(table);
  if (!options.context_columns.empty()) contexts = split_columns("--context-columns", table, options.context_columns);
  options.check(static_cast<int>(table.cols));
  if (!run.before) options.choose_units(table);
  Preparation how = options.preparation();
  how.contexts = &contexts;
  if (run.before) how.context_units = &known;
  run.data = prepare(table, how, run.before ? &run.before->standardization : nullptr);
  options.context_count = run.data.context_units.count();
  if (!run.before) {
    options.choose_training(run.data);
    options.choose_without_noise(run.data);
  }
  table = {};  // twice the memory of the data in the model's units, which is all that training needs
  run.training.emplace(options, run.data, run.identity, run.before ? &*run.before : nullptr, ranks);
}

/// What the first rank does after the training.
void finish(const TrainOptions& options, const Run& run, Training& training, std::optional<InterruptGuard>& guard,
            Report& report) {
  training.save();
  if (InterruptGuard::signal() == 0) guard.reset();  // everything is saved: what follows may be ended at once
  training.check();
  report.line("data", run.description);
  for (const std::string& note : run.data.notes) report.line("", fact("data.notes", note));
  report.line("units", options.describe_units());
  report.line("noise", options.describe_noise());
  report.line("objective", options.describe_objective());
  if (options.is_conditional()) report.line("context", options.describe_context());
  training.describe(report);
  report.finish();
}

void train(TrainOptions& options, Ranks& ranks) {
  options.engine = ranks.share_of(options.engine);
  const auto stopped = [&] { return CLI::RuntimeError(ranks.is_first() ? 128 + ranks.signal() : 0); };
  Report report(options.report, "train", train_report_keys());
  Run run;
  ranks.together([&] {
    if (options.resume.empty()) {
      options.follow_objective();
      options.check();
    }
    for (const char* file : kFiles)
      report.refuse_stdout("--output", (std::filesystem::path(options.directory) / file).string());
    prepare(options, ranks, run);
  });
  const std::string engine = run.training->engine().description();
  ranks.check_same("--engine", engine.substr(0, engine.find(':')));  // others round differently
  ranks.check_same("DATA", run.identity);
  ranks.check_same("--resume", run.before ? std::to_string(run.before->noise.step) + " steps" : "a new run");
  Training& training = *run.training;
  std::optional<OutputFolder> folder;
  ranks.on_first([&] { folder.emplace("--output", options.directory, kFiles); });
  // A launcher may send SIGTERM after a Ctrl-C that has reached the ranks as well, and ends them itself if they take
  // long.
  std::optional<InterruptGuard> guard(
      std::in_place, ranks.size() > 1 ? InterruptGuard::Second::recorded : InterruptGuard::Second::ends);
  std::signal(SIGPIPE, SIG_IGN);  // a reader of the progress lines who leaves does not end the training
  training.run();
  if (ranks.signal() != 0 && !training.has_changed()) {
    if (ranks.is_first())
      std::fprintf(stderr, "scorematch: stopped before the first step was done, so nothing was saved\n");
    throw stopped();
  }
  ranks.on_first([&] { finish(options, run, training, guard, report); });
  if (ranks.signal() != 0) throw stopped();
}

void run(TrainOptions& options) {
  std::unique_ptr<Ranks> ranks;
  try {
    ranks = join_ranks();
  } catch (const Error&) {
    if (launch_of_environment().rank > 0) throw CLI::RuntimeError(0);  // the first process says why
    throw;
  }
  try {
    train(options, *ranks);
  } catch (const CLI::RuntimeError&) {
    throw;  // no more than an exit code
  } catch (const std::exception& error) {
    ranks->abandon(error.what());
    throw;
  }
}

}  // namespace

std::unique_ptr<OptionTable> add_train(CLI::App& app) {
  auto options = std::make_shared<TrainOptions>();
  auto table = std::make_unique<OptionTable>(app, "train", "Train a score model on data");
  options->add_to(*table);
  table->on_run([options] { run(*options); }, [options] { return options->resume.empty(); });
  return table;
}

}  // namespace scorematch::cli
