// scorematch train: data in, a score model out.
#include <csignal>
#include <optional>

#include "cli/data_file.h"
#include "cli/interrupt.h"
#include "cli/outputs.h"
#include "cli/run_record.h"
#include "cli/training.h"

namespace scorematch::cli {
namespace {

void run(TrainOptions& options) {
  if (options.resume.empty()) options.check();
  std::optional<Checkpoint> before;
  if (!options.resume.empty()) before = load_run(options.resume);
  const Matrix matrix = read_data(options.data);
  const std::string identity = identify(matrix);
  if (before) {
    take_over(*before, identity, static_cast<int>(matrix.cols), options);
    options.check();
  }
  const Dataset data = prepare(matrix, options.validation, options.standardization(), options.sigma_data, options.seed,
                               options.dequantization(), before ? &before->standardization : nullptr);
  Training training(options, data, identity, before ? &*before : nullptr);
  const OutputFolder folder("--output", options.directory,
                            {"model.safetensors", "loss.csv", "loss.png", "comparison.csv", "comparison.png"});
  const InterruptGuard guard;
  std::signal(SIGPIPE, SIG_IGN);  // a reader of the progress lines who leaves does not end the training
  training.run();
  training.save();
  training.check();
  training.report();
  if (InterruptGuard::signal() != 0) throw CLI::RuntimeError(128 + InterruptGuard::signal());
}

}  // namespace

void add_train(CLI::App& app) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* command = app.add_subcommand("train", "Train a score model on data");
  options->add_to(*command);
  command->callback([options] { run(*options); });
}

}  // namespace scorematch::cli
