#include "cli/training/training.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/files/png_file.h"
#include "cli/models/model_metadata.h"
#include "cli/options/interrupt.h"
#include "cli/options/progress.h"
#include "cli/options/refusal.h"
#include "cli/training/run_record.h"
#include "formats/atomic_file.h"
#include "formats/spec_text.h"

namespace scorematch::cli {
namespace {

constexpr std::int64_t kMaxSkipped = 100;  // non-finite gradients in a row that end a run
constexpr double kQuickFit = 2e9;          // multiplications that may delay the first step
constexpr double kShortSeconds = 0.1;      // of an evaluation that a run still makes when it is asked to stop
const char* const kSkipped = "train.skipped_in_a_row";

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::optional<Dequantizer> make_dequantizer(const TrainOptions& options, const Dataset& data) {
  if (data.grid.empty()) return {};
  return Dequantizer(data.grid.steps, Units(data.standardization, data.dim), options.seed);
}

/// As many contexts as a step has samples, to be replaced in each.
Contexts first_contexts(const Contexts& all, std::int64_t count) {
  return all.at(std::vector<std::int64_t>(static_cast<std::size_t>(std::max<std::int64_t>(count, 1)), 0));
}

}  // namespace

Training::Training(const TrainOptions& options, const Dataset& data, const std::string& data_identity,
                   const Checkpoint* run, Ranks& ranks)
    : options_(options),
      data_(data),
      data_identity_(data_identity),
      ranks_(ranks),
      part_(part_of(options.batch, ranks.rank(), ranks.size())),
      dim_(static_cast<int>(data.training.cols)),
      net_(run != nullptr ? run->net : options.net(dim_)),
      engine_(options.engine.make()),
      plan_(engine_, net_, options.loss(), std::max<std::int64_t>(part_.count, 1)),
      dequantizer_(make_dequantizer(options, data)),
      held_out_(engine_, net_, options.loss(), data.held_out, dequantizer_ ? &*dequantizer_ : nullptr, options.seed,
                data.held_out_contexts),
      gradient_sum_(engine_, net_.param_count(), ranks, options.gradients_by),
      queue_(engine_,
             std::max({plan_.workspace_bytes(), held_out_.workspace_bytes(), gradient_sum_.workspace_bytes()})),
      x_(dequantizer_ ? engine_.allocate<float>({std::max<std::int64_t>(part_.count, 1), dim_})
                      : engine_.upload(data.training.values, {data.training.rows, dim_})),
      contexts_(engine_, dequantizer_ ? first_contexts(data.training_contexts, part_.count) : data.training_contexts),
      params_(engine_.upload(run != nullptr ? run->params : net_.initial_params(options.seed, options.initialization))),
      grad_(engine_.allocate<float>(net_.param_count())),
      loss_(engine_.allocate<Estimate>()),
      noise_(engine_, options.seed),
      adam_options_(run != nullptr ? run->adam->options
                                   : Adam::Options{options.learning_rate, 0.9, 0.999, 1e-8, options.weight_decay,
                                                   options.clip, options.ema_decay()}),
      adam_(engine_, net_.param_count(), adam_options_),
      log_(options.steps),
      selection_(options.selects_best(data.held_out.rows)) {
  held_out_.cancel_on(&InterruptGuard::is_asked_to_stop());
  if (run != nullptr) restore(*run);
}

void Training::restore(const Checkpoint& run) {
  step_ = first_step_ = run.noise.step;
  noise_.set(queue_, run.noise);
  adam_.restore(queue_, *run.adam);
  adam_.set_learning_rate(queue_, run.adam->progress.learning_rate);  // of the last step, which may stay the last
  MetadataReader reader(options_.resume, run.metadata);
  skipped_in_a_row_ = reader.take_int(kSkipped);
  skipped_ = run.adam->progress.skipped;
  evaluation_is_pending_ = run.metadata.count(kEvaluationPending) > 0;
  log_.restore(options_.resume, run.arrays, step_);
  selection_.restore(options_.resume, run);
  if (options_.patience > 0 && selection_.since_best() >= options_.patience)
    refuse("--patience",
           "0 or more than the " + std::to_string(selection_.since_best()) +
               " evaluations without a better held-out loss after which the run in " + options_.resume + " stopped",
           std::to_string(options_.patience));
  const std::filesystem::path from = options_.resume;
  std::error_code ignored;
  const auto folder = std::filesystem::is_directory(from, ignored) ? from : from.parent_path();
  seconds_before_ = log_.restore_seconds(read_text(folder / "loss.csv"), step_);
}

bool Training::is_over() const {
  return step_ == options_.steps || patience_ended_ || ranks_.signal() != 0 ||
         (options_.stop_after > 0 && step_ - first_step_ >= options_.stop_after);
}

void Training::run() {
  Progress progress(ranks_.is_first() ? stderr : nullptr, options_.steps, first_step_);
  Estimate since_shown;
  const auto show = [&] {
    progress.update(step_, (step_ - first_step_) * options_.batch, mean_of(since_shown), since_shown.standard_error());
    since_shown = {};
  };
  check_in_step();
  gradient_sum_.agree();
  try {
    ranks_.on_first([&] {
      if (held_out_.rows() == 0) return;
      if (baseline_is_quick()) baseline();
      if (step_ > 0) return;
      // They are F = 0, which no training improves on Gaussian data.
      if (const auto initial = held_out_loss())
        selection_.consider(0, *initial, [&] { return queue_.read_f32(last_params()); });
    });
    bool ends = evaluation_is_pending_ && complete_step(progress);
    while (!ends) {
      const Estimate loss = train_step(options_.learning_rate_at(step_));
      ++step_;
      const std::int64_t skipped = adam_.progress(queue_).skipped;
      skipped_in_a_row_ = skipped == skipped_ ? 0 : skipped_in_a_row_ + 1;
      skipped_ = skipped;
      if (skipped_in_a_row_ > kMaxSkipped) ranks_.together([&] { refuse_loss(); });
      if (std::isfinite(loss.mean)) since_shown = since_shown.merged(loss);
      log_.add(loss);
      ends = complete_step(progress);
      if (progress.is_due(step_) || ends) show();
      if (!ends && options_.checkpoint_every > 0 && step_ % options_.checkpoint_every == 0)
        ranks_.on_first([&] { save(); });
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::cancelled) throw;
    // Everything is as it was before the interrupted step, and the run continues from there.
    ranks_.on_first([&] {
      if (has_changed_) log_.end(step_, options_.learning_rate_at(step_ - 1), seconds(), held_out_loss());
    });
    if (since_shown.count > 0) show();
  }
  progress.finish();
  seconds_here_ = seconds() - seconds_before_;
}

bool Training::complete_step(Progress& progress) {
  const double rate = options_.learning_rate_at(step_ - 1);
  const bool is_due = log_.validation_is_due(step_);
  // Where a run is stopped and resumed must not matter, so only evaluations that every run makes count.
  const bool counts = is_due || step_ == options_.steps;
  bool ends = is_over();
  std::optional<Estimate> held_out;
  evaluation_is_pending_ = false;
  const auto evaluate = [&] {
    held_out = held_out_loss();
    if (held_out && counts) {
      selection_.consider(step_, *held_out, [&] { return queue_.read_f32(last_params()); });
      patience_ended_ = step_ < options_.steps && options_.patience > 0 && selection_.since_best() >= options_.patience;
    }
    evaluation_is_pending_ = counts && !held_out && held_out_.rows() > 0;
    return ends || patience_ended_ || evaluation_is_pending_;
  };
  if (counts || ends) {
    check_in_step();
    ends = ranks_.ask_first(evaluate);
  }
  if (!evaluation_is_pending_) log_.after_step(step_, rate, seconds(), is_due ? held_out : std::nullopt);
  if (ends) log_.end(step_, rate, seconds(), held_out);
  if (held_out) progress.set_note(held_out_note(*held_out));
  has_changed_ = true;
  return ends;
}

std::optional<Estimate> Training::held_out_loss() {
  if (InterruptGuard::signal() != 0 && evaluation_is_short()) held_out_.cancel_on(nullptr);
  try {
    return held_out_.loss(queue_, last_params());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::cancelled) throw;
    is_cut_short_ = true;
    return {};
  }
}

bool Training::evaluation_is_short() const {
  const double done = static_cast<double>((step_ - first_step_) * options_.batch);
  return (seconds() - seconds_before_) * static_cast<double>(held_out_.rows()) < kShortSeconds * done;
}

bool Training::baseline_is_quick() const {
  const auto d = static_cast<double>(dim_), rows = static_cast<double>(data_.training.rows + data_.held_out.rows);
  return rows * d * d + 25 * d * d * d < kQuickFit;  // moments and eigenvectors
}

void Training::refuse_loss() const {
  const bool has_noise = options_.has_noise();
  refuse("loss", "finite values",
         std::to_string(skipped_in_a_row_) +
             " steps in a row whose loss or gradient was not; try a smaller --learning-rate" +
             (has_noise ? " or a larger smallest sigma"
                        : ", or noise (the same command without --schedule none): on data on a surface, a curve or a "
                          "few points, a loss without noise has no minimum"));
}

std::string Training::held_out_note(const Estimate& loss) {
  char text[96];
  if (baseline_ && baseline_->missing.empty())
    std::snprintf(text, sizeof text, "held out %.4g (Gaussian %.4g)", loss.mean, estimate_of(baseline_->gaussian).mean);
  else
    std::snprintf(text, sizeof text, "held out %.4g", loss.mean);
  return text;
}

LossPlan::In Training::next_batch() {
  LossPlan::In in{params_, {x_, noise_.from(part_.begin)}};
  in.cancelled = &InterruptGuard::is_asked_to_stop();
  if (dequantizer_) {
    dequantizer_->draw(data_.training, step_, part_.begin, part_.count, noisy_rows_);
    queue_.write(x_, noisy_rows_.data());
    if (!data_.training_contexts.empty())
      contexts_.write(queue_, data_.training_contexts.at(
                                  dequantizer_->drawn_rows(data_.training.rows, step_, part_.begin, part_.count)));
  } else {
    in.batch.draw_rows = part_.count;
  }
  contexts_.give_all(in.batch);
  return in;
}

Estimate Training::train_step(double rate) {
  adam_.set_learning_rate(queue_, rate);
  Reduction of_the_batch;
  of_the_batch.normaliser = options_.batch;
  ranks_.together([&] {
    if (part_.count > 0) plan_.run(queue_, next_batch(), {loss_.data(), grad_}, of_the_batch);
    if (ranks_.size() > 1) queue_.synchronize();  // what fails on a device must be known to all ranks
  });
  if (ranks_.size() > 1) gradient_sum_.run(queue_, grad_, part_.count > 0);
  adam_.step(queue_, params_, grad_);
  noise_.advance(queue_);
  return ranks_.merged(queue_.read_one(loss_));
}

void Training::check_in_step() {
  if (ranks_.size() > 1) ranks_.check_same("params", identify(queue_.read(params_)));
}

/// The last parameters as they would be sampled with: their average once it has settled.
ConstView Training::last_params() {
  const bool averaged = adam_options_.ema_decay > 0 && adam_options_.ema_is_settled(adam_.progress(queue_).step);
  return averaged ? adam_.ema() : ConstView(params_);
}

bool Training::samples_best() {
  try {
    return selection_.prefers_best(held_out_, queue_, last_params());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::cancelled) throw;
    is_cut_short_ = true;
    return false;
  }
}

/// What `scorematch sample` needs besides the network, and what --resume needs.
void Training::write_metadata(std::map<std::string, std::string>& metadata) const {
  write_choice(options_.objective, metadata);
  write_choice(options_.schedule, metadata);
  write_choice(options_.weighting, metadata);
  const bool is_single = options_.schedule == NoiseSchedule::Kind::single;
  const double low = is_single ? options_.sigma : options_.sigma_min,
               high = is_single ? options_.sigma : options_.sigma_max;
  if (options_.has_noise()) {
    metadata["sigma_min"] = number_text(low);
    metadata["sigma_max"] = number_text(high);
  }
  describe_data(data_, metadata);
  metadata[kDeviation] = number_text(data_.scale.deviation);
  metadata[kLargestDeviation] = number_text(data_.scale.largest);
  metadata["data.lowest"] = number_text(data_.lowest);
  metadata["data.highest"] = number_text(data_.highest);
  metadata[kSkipped] = std::to_string(skipped_in_a_row_);
  if (evaluation_is_pending_) metadata[kEvaluationPending] = "true";
  write_run(options_, data_identity_, metadata);
}

Checkpoint Training::checkpoint() {
  Checkpoint checkpoint;
  checkpoint.net = net_;
  checkpoint.params = queue_.read(params_);
  checkpoint.adam = adam_.snapshot(queue_);
  checkpoint.best = selection_.best_params();
  checkpoint.samples_best = samples_best();
  checkpoint.noise = noise_.read(queue_);
  checkpoint.standardization = data_.standardization;
  checkpoint.loss = options_.loss();
  write_metadata(checkpoint.metadata);
  log_.save(checkpoint.arrays);
  selection_.save(checkpoint.arrays);
  return checkpoint;
}

void Training::save() {
  checkpoint().save(path("model.safetensors"));
  const std::string csv = log_.csv();
  write_file_atomically(path("loss.csv"), csv.data(), csv.size());
  write_png(path("loss.png"), loss_plot(log_.training_curve(), log_.held_out_curve(),
                                        std::string(name_of(options_.objective)) + " loss"));
  // Of an earlier model, if any.
  std::error_code ignored;
  for (const char* each : {"comparison.csv", "comparison.png"}) std::filesystem::remove(path(each), ignored);
}

std::string Training::path(const char* name) const {
  return (std::filesystem::path(options_.directory) / name).string();
}

double Training::seconds() const {
  return seconds_before_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

}  // namespace scorematch::cli
