// scorematch train: data in, a score model out.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <optional>

#include "atomic_file.h"
#include "cli/data_file.h"
#include "cli/loss_plot.h"
#include "cli/outputs.h"
#include "cli/png_file.h"
#include "cli/progress.h"
#include "cli/train_options.h"
#include "scorematch/adam.h"
#include "scorematch/checkpoint.h"
#include "scorematch/error.h"
#include "scorematch/loss.h"
#include "spec_text.h"

namespace scorematch::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;

/// The first Ctrl-C asks for a stop after this step, a second one ends the program as usual. Where Ctrl-C is ignored,
/// as in a script's background, it stays so.
class InterruptGuard {
 public:
  InterruptGuard() : before_(std::signal(SIGINT, on_signal)) {
    if (before_ == SIG_IGN) std::signal(SIGINT, SIG_IGN);
  }
  ~InterruptGuard() { std::signal(SIGINT, before_); }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  static void on_signal(int) {
    interrupted = 1;
    std::signal(SIGINT, SIG_DFL);
  }
  void (*before_)(int);
};

struct LogRow {
  std::int64_t step;
  Estimate training;                 // of the steps since the last row whose loss was finite
  std::optional<Estimate> held_out;  // at this step
  double learning_rate, seconds;
};

constexpr std::int64_t kRows = 400;        // of loss.csv, beside those of held-out losses
constexpr std::int64_t kValidations = 20;  // over a run
constexpr std::int64_t kMaxSkipped = 100;  // non-finite gradients in a row that end a run
constexpr std::int64_t kValidationBatch = 1024;
// Held-out losses are all taken with the same noise, far from any step of training.
constexpr std::int64_t kValidationStep = (std::int64_t{1} << 40) - 2;

std::string cell(double value) { return std::isnan(value) ? "nan" : number_text(value); }  // never "-nan"

double mean_of(const Estimate& loss) { return loss.count > 0 ? loss.mean : std::numeric_limits<double>::quiet_NaN(); }

class Training {
 public:
  Training(const TrainOptions& options, const Dataset& data)
      : options_(options),
        data_(data),
        dim_(static_cast<int>(data.training.cols)),
        net_(options.net(dim_)),
        engine_(options.engine.make()),
        plan_(engine_, net_, options.loss(), options.batch),
        validation_plan_(engine_, net_, options.loss(), kValidationBatch),
        queue_(engine_, std::max(plan_.workspace_bytes(), validation_plan_.workspace_bytes())),
        x_(engine_.upload(data.training.values, {data.training.rows, dim_})),
        params_(engine_.upload(net_.initial_params(options.seed))),
        grad_(engine_.allocate<float>(net_.param_count())),
        loss_(engine_.allocate<Estimate>()),
        held_out_loss_(engine_.allocate<Estimate>()),
        noise_(engine_, options.seed),
        validation_noise_(engine_, {options.seed, kValidationStep, 0}),
        adam_(engine_, net_.param_count(),
              {options.learning_rate, 0.9, 0.999, 1e-8, options.weight_decay, options.clip, options.ema_decay()}) {
    if (data.held_out.rows > 0) held_out_ = engine_.upload(data.held_out.values, {data.held_out.rows, dim_});
  }

  void run() {
    Progress progress(stderr, options_.steps);
    const std::int64_t row_every = (options_.steps + kRows - 1) / kRows;
    const std::int64_t validate_every = (options_.steps + kValidations - 1) / kValidations;
    Estimate since_row, since_shown;
    std::int64_t skipped_in_a_row = 0;
    for (bool ends = false; !ends;) {
      const double rate = options_.learning_rate_at(step_);
      const Estimate loss = train_step(rate);
      ++step_;
      skipped_in_a_row = std::isfinite(loss.mean) ? 0 : skipped_in_a_row + 1;
      if (skipped_in_a_row > kMaxSkipped)
        throw Error(ErrorCode::invalid_argument, "loss",
                    "loss: expected finite values, got " + std::to_string(skipped_in_a_row) +
                        " steps in a row without one; try a smaller --learning-rate or a larger smallest sigma");
      if (std::isfinite(loss.mean)) since_row = since_row.merged(loss), since_shown = since_shown.merged(loss);
      ends = step_ == options_.steps || interrupted != 0;
      const bool validate = held_out_.size() > 0 && (step_ % validate_every == 0 || ends);
      if (step_ % row_every == 0 || validate || ends) {
        rows_.push_back({step_, since_row, {}, rate, seconds()});
        if (validate) rows_.back().held_out = validation_loss();
        since_row = {};
      }
      if (progress.is_due(step_) || ends) {
        progress.update(step_, step_ * options_.batch, mean_of(since_shown), since_shown.standard_error());
        since_shown = {};
      }
    }
    progress.finish();
    training_seconds_ = seconds();
  }

  void save() {
    Checkpoint checkpoint;
    checkpoint.net = net_;
    checkpoint.params = queue_.read(params_);
    checkpoint.adam = adam_.snapshot(queue_);
    // Stopped before the average has forgotten where it began: better to sample with, and go on from, the parameters.
    const bool is_young = step_ < options_.steps && static_cast<double>(step_) * (1 - options_.ema_decay()) < 5;
    if (is_young && !checkpoint.adam->ema.empty()) checkpoint.adam->ema = checkpoint.params;
    checkpoint.noise = noise_.read(queue_);
    checkpoint.standardization = data_.standardization;
    write_metadata(checkpoint.metadata);
    checkpoint.save(path("model.safetensors"));
    save_csv();
    save_plot();
  }

  void report() const {
    const Adam::Progress progress = final_progress_;
    std::printf("engine      %s\n", engine_.description().c_str());
    std::printf("network     %d -> %s-> %d, %lld parameters\n", dim_, widths().c_str(), dim_,
                static_cast<long long>(net_.param_count()));
    std::printf("steps       %lld of %lld, %d samples each%s\n", static_cast<long long>(step_),
                static_cast<long long>(options_.steps), options_.batch,
                step_ < options_.steps ? " (stopped by Ctrl-C)" : "");
    if (progress.skipped > 0)
      std::printf("skipped     %lld steps whose gradient was not finite\n", static_cast<long long>(progress.skipped));
    std::printf("throughput  %s samples/s, %s in all\n",
                format_rate(static_cast<double>(step_ * options_.batch) / training_seconds_).c_str(),
                format_duration(training_seconds_).c_str());
    if (!rows_.empty())
      std::printf("loss        %s\n",
                  format_measurement(mean_of(rows_.back().training), rows_.back().training.standard_error()).c_str());
    if (!rows_.empty() && rows_.back().held_out)
      std::printf("held out    %s (%lld rows)\n",
                  format_measurement(rows_.back().held_out->mean, rows_.back().held_out->standard_error()).c_str(),
                  static_cast<long long>(data_.held_out.rows));
    for (const char* each : {"model.safetensors", "loss.csv", "loss.png"})
      std::printf("wrote       %s\n", path(each).c_str());
  }

  void finish() { final_progress_ = adam_.progress(queue_); }

 private:
  Estimate train_step(double rate) {
    adam_.set_learning_rate(queue_, rate);
    LossPlan::In in{params_, x_, noise_};
    in.draw_rows = options_.batch;
    plan_.run(queue_, in, {loss_.data(), grad_});
    adam_.step(queue_, params_, grad_);
    noise_.advance(queue_);
    return queue_.read_one(loss_);
  }

  /// With the parameters that will be sampled with.
  Estimate validation_loss() {
    const ConstView params = options_.ema_decay() > 0 ? adam_.ema() : ConstView(params_);
    for (std::int64_t first = 0; first < data_.held_out.rows; first += kValidationBatch) {
      const std::int64_t count = std::min(kValidationBatch, data_.held_out.rows - first);
      Reduction part;
      part.accumulate = first > 0;
      validation_plan_.run(queue_, {params, held_out_.samples(first, count), validation_noise_.from(first)},
                           {held_out_loss_.data()}, part);
    }
    return queue_.read_one(held_out_loss_);
  }

  /// What `scorematch sample` wants to know beside the network.
  void write_metadata(std::map<std::string, std::string>& metadata) const {
    metadata["objective"] = options_.objective;
    metadata["schedule"] = options_.schedule;
    metadata["weighting"] = options_.weighting;
    double low = options_.sigma, high = options_.sigma;
    if (options_.schedule == "geometric") low = options_.sigma_min, high = options_.sigma_max;
    if (options_.schedule == "lognormal") {  // all but 3 in 1000 of the training noise
      low = std::exp(options_.log_mean - 3 * options_.log_deviation);
      high = std::exp(options_.log_mean + 3 * options_.log_deviation);
    }
    if (options_.schedule != "none") {
      metadata["sigma_min"] = number_text(low);
      metadata["sigma_max"] = number_text(high);
    }
    metadata["data.lowest"] = number_text(static_cast<double>(data_.lowest));
    metadata["data.highest"] = number_text(static_cast<double>(data_.highest));
  }

  void save_csv() const {
    std::string text = "step,loss,standard_error,held_out_loss,held_out_standard_error,learning_rate,seconds\n";
    for (const LogRow& row : rows_) {
      text += std::to_string(row.step) + "," + cell(mean_of(row.training)) + "," + cell(row.training.standard_error()) +
              ",";
      if (row.held_out) text += cell(row.held_out->mean);
      text += ",";
      if (row.held_out) text += cell(row.held_out->standard_error());
      text += "," + cell(row.learning_rate) + "," + cell(std::round(row.seconds * 1e3) / 1e3) + "\n";
    }
    write_file_atomically(path("loss.csv"), text.data(), text.size());
  }

  void save_plot() const {
    std::vector<LossPoint> training, held_out;
    for (const LogRow& row : rows_) {
      training.push_back({row.step, mean_of(row.training), row.training.standard_error()});
      if (row.held_out) held_out.push_back({row.step, row.held_out->mean, row.held_out->standard_error()});
    }
    write_png(path("loss.png"), loss_plot(training, held_out, options_.objective + " loss"));
  }

  std::string path(const char* name) const { return (std::filesystem::path(options_.directory) / name).string(); }
  std::string widths() const {
    std::string text;
    for (const int each : net_.hidden) text += std::to_string(each) + " ";
    return text;
  }
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

  const TrainOptions& options_;
  const Dataset& data_;
  int dim_;
  MlpShape net_;
  Engine engine_;
  LossPlan plan_, validation_plan_;
  Queue queue_;
  Buffer<float> x_, held_out_, params_, grad_;
  Buffer<Estimate> loss_, held_out_loss_;
  NoiseState noise_, validation_noise_;
  Adam adam_;
  Adam::Progress final_progress_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::int64_t step_ = 0;
  double training_seconds_ = 0;
  std::vector<LogRow> rows_;
};

void run(const TrainOptions& options) {
  options.check();
  const Matrix matrix = read_data(options.data);
  const Dataset data = prepare(matrix, options.validation, options.standardization(), options.sigma_data, options.seed);
  Training training(options, data);
  const OutputFolder folder("--output", options.directory, {"model.safetensors", "loss.csv", "loss.png"});
  const InterruptGuard guard;
  std::signal(SIGPIPE, SIG_IGN);  // a reader of the progress lines who leaves does not end the training
  training.run();
  training.finish();
  training.save();
  training.report();
  if (interrupted != 0) throw CLI::RuntimeError(130);
}

}  // namespace

void add_train(CLI::App& app) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* command = app.add_subcommand("train", "Train a score model on data");
  options->add_to(*command);
  command->callback([options] { run(*options); });
}

}  // namespace scorematch::cli
