#include "cli/training.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "atomic_file.h"
#include "cli/interrupt.h"
#include "cli/png_file.h"
#include "cli/progress.h"
#include "cli/refusal.h"
#include "cli/run_record.h"
#include "spec_text.h"

namespace scorematch::cli {
namespace {

constexpr std::int64_t kMaxSkipped = 100;  // non-finite gradients in a row that end a run
constexpr std::int64_t kValidationBatch = 1024;
// Held-out losses are all taken with the same noise, far from any step of training.
constexpr std::int64_t kValidationStep = (std::int64_t{1} << 40) - 2;
const char* const kSkipped = "train.skipped_in_a_row";

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::optional<Dequantizer> make_dequantizer(const TrainOptions& options, const Dataset& data) {
  if (options.dequantization() == 0) return {};
  return Dequantizer(options.dequantization(), Units(data.standardization, data.dim), options.seed);
}

}  // namespace

Training::Training(const TrainOptions& options, const Dataset& data, const std::string& data_identity,
                   const Checkpoint* run)
    : options_(options),
      data_(data),
      data_identity_(data_identity),
      dim_(static_cast<int>(data.training.cols)),
      net_(run != nullptr ? run->net : options.net(dim_)),
      engine_(options.engine.make()),
      plan_(engine_, net_, options.loss(), options.batch),
      validation_plan_(engine_, net_, options.loss(), kValidationBatch),
      queue_(engine_, std::max(plan_.workspace_bytes(), validation_plan_.workspace_bytes())),
      dequantizer_(make_dequantizer(options, data)),
      x_(dequantizer_ ? engine_.allocate<float>({options.batch, dim_})
                      : engine_.upload(data.training.values, {data.training.rows, dim_})),
      params_(engine_.upload(run != nullptr ? run->params : net_.initial_params(options.seed))),
      grad_(engine_.allocate<float>(net_.param_count())),
      loss_(engine_.allocate<Estimate>()),
      held_out_loss_(engine_.allocate<Estimate>()),
      noise_(engine_, options.seed),
      validation_noise_(engine_, {options.seed, kValidationStep, 0}),
      adam_options_(run != nullptr ? run->adam->options
                                   : Adam::Options{options.learning_rate, 0.9, 0.999, 1e-8, options.weight_decay,
                                                   options.clip, options.ema_decay()}),
      adam_(engine_, net_.param_count(), adam_options_),
      log_(options.steps) {
  if (data.held_out.rows > 0) {
    const Matrix held_out = dequantizer_ ? dequantizer_->all(data.held_out, kValidationStep) : data.held_out;
    held_out_ = engine_.upload(held_out.values, {held_out.rows, dim_});
  }
  if (run != nullptr) restore(*run);
}

void Training::restore(const Checkpoint& run) {
  step_ = first_step_ = run.noise.step;
  noise_.set(queue_, run.noise);
  adam_.restore(queue_, *run.adam);
  MetadataReader reader(options_.resume, run.metadata);
  skipped_in_a_row_ = reader.take_int(kSkipped);
  log_.restore(options_.resume, run.arrays, step_);
  const std::filesystem::path from = options_.resume;
  std::error_code ignored;
  const auto folder = std::filesystem::is_directory(from, ignored) ? from : from.parent_path();
  seconds_before_ = log_.restore_seconds(read_text(folder / "loss.csv"), step_);
}

bool Training::is_over() const {
  return step_ == options_.steps || InterruptGuard::signal() != 0 ||
         (options_.stop_after > 0 && step_ - first_step_ >= options_.stop_after);
}

void Training::run() {
  Progress progress(stderr, options_.steps, first_step_);
  Estimate since_shown;
  for (bool ends = false; !ends;) {
    const double rate = options_.learning_rate_at(step_);
    const Estimate loss = train_step(rate);
    ++step_;
    skipped_in_a_row_ = std::isfinite(loss.mean) ? 0 : skipped_in_a_row_ + 1;
    if (skipped_in_a_row_ > kMaxSkipped)
      refuse("loss", "finite values",
             std::to_string(skipped_in_a_row_) +
                 " steps in a row without one; try a smaller --learning-rate or a larger smallest sigma");
    if (std::isfinite(loss.mean)) since_shown = since_shown.merged(loss);
    log_.add(loss);
    ends = is_over();
    std::optional<Estimate> held_out;
    const bool is_due = log_.validation_is_due(step_);
    if (is_due || ends) held_out = validation_loss();
    log_.after_step(step_, rate, seconds(), is_due ? held_out : std::nullopt);
    if (ends) log_.end(step_, rate, seconds(), held_out);
    if (progress.is_due(step_) || ends) {
      progress.update(step_, (step_ - first_step_) * options_.batch, mean_of(since_shown),
                      since_shown.standard_error());
      since_shown = {};
    }
    if (!ends && options_.checkpoint_every > 0 && step_ % options_.checkpoint_every == 0) save();
  }
  progress.finish();
  seconds_here_ = seconds() - seconds_before_;
}

LossPlan::In Training::next_batch() {
  LossPlan::In in{params_, x_, noise_};
  if (dequantizer_) {
    dequantizer_->draw(data_.training, step_, options_.batch, noisy_rows_);
    queue_.write(x_, noisy_rows_.data());
  } else {
    in.draw_rows = options_.batch;
  }
  return in;
}

Estimate Training::train_step(double rate) {
  adam_.set_learning_rate(queue_, rate);
  plan_.run(queue_, next_batch(), {loss_.data(), grad_});
  adam_.step(queue_, params_, grad_);
  noise_.advance(queue_);
  return queue_.read_one(loss_);
}

/// Of the rows held out, if any, with the parameters that would be sampled with.
std::optional<Estimate> Training::validation_loss() {
  if (held_out_.size() == 0) return {};
  const bool averaged = adam_options_.ema_decay > 0 && adam_options_.ema_is_settled(adam_.progress(queue_).step);
  const ConstView params = averaged ? adam_.ema() : ConstView(params_);
  for (std::int64_t first = 0; first < data_.held_out.rows; first += kValidationBatch) {
    const std::int64_t count = std::min(kValidationBatch, data_.held_out.rows - first);
    Reduction part;
    part.accumulate = first > 0;
    validation_plan_.run(queue_, {params, held_out_.samples(first, count), validation_noise_.from(first)},
                         {held_out_loss_.data()}, part);
  }
  return queue_.read_one(held_out_loss_);
}

/// What `scorematch sample` wants to know beside the network, and what --resume does.
void Training::write_metadata(std::map<std::string, std::string>& metadata) const {
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
  describe_data(data_, metadata);
  metadata["data.lowest"] = number_text(data_.lowest);
  metadata["data.highest"] = number_text(data_.highest);
  if (options_.dequantization() > 0) metadata["data.dequantize"] = number_text(options_.dequantization());
  metadata[kSkipped] = std::to_string(skipped_in_a_row_);
  write_run(options_, data_identity_, metadata);
}

void Training::save() {
  Checkpoint checkpoint;
  checkpoint.net = net_;
  checkpoint.params = queue_.read(params_);
  checkpoint.adam = adam_.snapshot(queue_);
  checkpoint.noise = noise_.read(queue_);
  checkpoint.standardization = data_.standardization;
  checkpoint.loss = options_.loss();
  write_metadata(checkpoint.metadata);
  log_.save(checkpoint.arrays);
  checkpoint.save(path("model.safetensors"));
  const std::string csv = log_.csv();
  write_file_atomically(path("loss.csv"), csv.data(), csv.size());
  write_png(path("loss.png"), loss_plot(log_.training_curve(), log_.held_out_curve(), options_.objective + " loss"));
}

void Training::report() {
  const std::int64_t done = step_ - first_step_, skipped = adam_.progress(queue_).skipped;
  std::string stopped;
  if (const int signal = InterruptGuard::signal(); signal != 0)
    stopped = signal == SIGINT ? " (stopped by Ctrl-C)" : " (stopped by SIGTERM)";
  else if (step_ < options_.steps)
    stopped = " (stopped by --stop-after)";
  std::printf("engine      %s\n", engine_.description().c_str());
  std::printf("network     %s\n", format_network(net_).c_str());
  std::printf("steps       %lld of %lld, %d samples each%s\n", static_cast<long long>(step_),
              static_cast<long long>(options_.steps), options_.batch, step_ < options_.steps ? stopped.c_str() : "");
  if (first_step_ > 0) std::printf("resumed     after %lld steps\n", static_cast<long long>(first_step_));
  if (skipped > 0)
    std::printf("skipped     %lld steps whose gradient was not finite\n", static_cast<long long>(skipped));
  std::printf("throughput  %s samples/s, %s in all\n",
              format_rate(static_cast<double>(done * options_.batch) / seconds_here_).c_str(),
              format_duration(seconds_here_).c_str());
  const std::vector<LossRow> rows = log_.rows();
  if (!rows.empty())
    std::printf("loss        %s\n",
                format_measurement(mean_of(rows.back().training), rows.back().training.standard_error()).c_str());
  if (!rows.empty() && rows.back().held_out)
    std::printf("held out    %s (%lld rows)\n",
                format_measurement(rows.back().held_out->mean, rows.back().held_out->standard_error()).c_str(),
                static_cast<long long>(data_.held_out.rows));
  for (const char* each : {"model.safetensors", "loss.csv", "loss.png"})
    std::printf("wrote       %s\n", path(each).c_str());
}

std::string Training::path(const char* name) const {
  return (std::filesystem::path(options_.directory) / name).string();
}

double Training::seconds() const {
  return seconds_before_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

}  // namespace scorematch::cli
