// scorematch train: data in, a score model out.
#include <CLI/Error.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "cli/files/data_file.h"

#include "cli/options/interrupt.h"
#include "cli/options/outputs.h"
#include "cli/training/run_record.h"
#include "cli/training/training.h"

namespace scorematch::cli {
namespace {

void run(TrainOptions& options) {
  if (options.resume.empty()) {
    options.follow_objective();
    options.check();
  }
  const std::initializer_list<const char*> files = {"model.safetensors", "loss.csv", "loss.png", "comparison.csv",
                                                    "comparison.png"};
  Report report(options.report, "train", train_report_keys());
  for (const char* file : files)
    report.refuse_stdout("--output", (std::filesystem::path(options.directory) / file).string());
  if (!options.overwrite)
    check_no_run("--output", options.directory, files, options.resume, "--resume to continue it, or --overwrite");
  std::optional<Checkpoint> before;
  if (!options.resume.empty()) before = load_run(options.resume);
  if (before && dropped_rows(before->metadata)) options.missing = "drop";
  Table table = read_data(options.data, missing_named(options.missing));
  const std::string identity = identify(table);
  if (before) take_over(*before, identity, static_cast<int>(dim_of(before->standardization, table.cols)), options);
  options.check(static_cast<int>(table.cols));
  if (!before) options.choose_units(table);
  const Dataset data = prepare(table, options.preparation(), before ? &before->standardization : nullptr);
  if (!before) {
    options.choose_training(data);
    options.choose_without_noise(data);
  }
  const Phrase description = describe(table);
  table = {};  // twice the memory of the data in the model's units, which is all that training needs
  Training training(options, data, identity, before ? &*before : nullptr);
  const OutputFolder folder("--output", options.directory, files);
  std::optional<InterruptGuard> guard(std::in_place);
  std::signal(SIGPIPE, SIG_IGN);  // a reader of the progress lines who leaves does not end the training
  training.run();
  if (InterruptGuard::signal() != 0 && !training.has_changed()) {
    std::fprintf(stderr, "scorematch: stopped before the first step was done, so nothing was saved\n");
    throw CLI::RuntimeError(128 + InterruptGuard::signal());
  }
  training.save();
  if (InterruptGuard::signal() == 0) guard.reset();  // everything is saved: what follows may be ended at once
  training.check();
  report.line("data", description);
  for (const std::string& note : data.notes) report.line("", fact("data.notes", note));
  report.line("units", options.describe_units());
  report.line("noise", options.describe_noise());
  report.line("objective", options.describe_objective());
  training.describe(report);
  report.finish();
  if (InterruptGuard::signal() != 0) throw CLI::RuntimeError(128 + InterruptGuard::signal());
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
