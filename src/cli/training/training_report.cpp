// The end of a run: what was learned and measured, and its report.
#include <csignal>
#include <filesystem>

#include "cli/files/data_file.h"
#include "cli/files/png_file.h"
#include "cli/options/interrupt.h"
#include "cli/options/progress.h"
#include "cli/plots/histogram_plot.h"
#include "cli/plots/scatter_plot.h"
#include "cli/training/training.h"
#include "formats/atomic_file.h"
#include "formats/spec_text.h"

namespace scorematch::cli {
namespace {

constexpr std::int64_t kPlotted = 4000;  // points of the data and of the samples
constexpr std::int64_t kEnoughRows = 20'000;
constexpr const char *kTable = "comparison.csv", *kPicture = "comparison.png";

std::string measured(const Estimate& loss) { return format_measurement(loss.mean, loss.standard_error()); }

Matrix in_data_units(const Matrix& rows, const Units& units) {
  const std::int64_t count = std::min(rows.rows, kPlotted);
  return rounded(units.to_data({count, rows.cols, {rows.values.begin(), rows.values.begin() + count * rows.cols}}));
}

}  // namespace

const Baseline& Training::baseline() {
  if (!baseline_) {
    const Matrix noisy = dequantizer_ ? dequantizer_->all(data_.training, HeldOut::kNoiseStep + 1) : Matrix();
    baseline_ =
        make_baseline(dequantizer_ ? noisy : data_.training, net_,
                      net_.initial_params(options_.seed, options_.initialization), options_.loss(), held_out_, queue_);
  }
  return *baseline_;
}

/// Training rows, with the held-out ones if they are few.
Matrix Training::rows_to_compare() const {
  Matrix rows = data_.training;
  if (rows.rows < kEnoughRows) {
    rows.values.insert(rows.values.end(), data_.held_out.values.begin(), data_.held_out.values.end());
    rows.rows += data_.held_out.rows;
  }
  return dequantizer_ ? dequantizer_->all(rows, HeldOut::kNoiseStep + 1) : rows;
}

/// Those of the rows, in turn.
Contexts Training::contexts_to_compare(std::int64_t count) const {
  Contexts all = data_.training_contexts;
  if (all.empty()) return all;
  if (data_.training.rows < kEnoughRows) all.append(data_.held_out_contexts);
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < count; ++i) places.push_back(i % all.rows);
  return all.at(places);
}

void Training::check() {
  evidence_.losses = log_.rows();
  const bool is_interrupted = InterruptGuard::signal() != 0;
  if (is_interrupted && evaluation_is_short())
    held_out_.cancel_on(nullptr);
  else
    is_cut_short_ = is_interrupted;
  if (is_cut_short_) {
    not_compared_ = "the run was interrupted";
    return;
  }
  const Checkpoint model = checkpoint();
  judge();
  if (options_.samples == 0) {
    not_compared_ = "--samples 0";
  } else if (step_ < options_.steps && !patience_ended_) {
    not_compared_ = "the run is not over";
  } else if (is_interrupted) {
    not_compared_ = "the run was interrupted";
  } else {
    not_compared_ = why_not_sampled(model);
  }
  if (!not_compared_.empty()) return;
  const std::int64_t count = options_.samples > 0 ? options_.samples : affordable_samples(engine_, net_);
  const Matrix rows = rows_to_compare(),
               samples = draw_samples(engine_, model, count, options_.seed, contexts_to_compare(count));
  comparison_ = compare(rows, samples, data_.standardization, baseline().score, data_.grid);
  comparison_->names = data_.columns;
  evidence_.comparison = &*comparison_;
  const std::string table = comparison_csv(*comparison_);
  write_file_atomically(path(kTable), table.data(), table.size());
  written_.push_back(kTable);
  const Units units(data_.standardization, dim_);
  if (units.columns() > 2) return;
  const Matrix data = in_data_units(rows, units), drawn = in_data_units(samples, units);
  const std::string title = "data and samples";
  write_png(path(kPicture),
            units.columns() == 1 ? histogram_plot(data, drawn, title) : scatter_plot(data, drawn, {}, title));
  written_.push_back(kPicture);
}

/// Compares the losses of the parameters that would be sampled with those of the baselines.
void Training::judge() {
  evidence_.steps = step_;
  evidence_.is_noiseless = !options_.has_noise();
  evidence_.has_common_scale = options_.standardize == "scale";
  const bool takes_best = samples_best();
  evidence_.overfits = takes_best && selection_.best_step() < step_ - step_ / 4;
  Buffer<float> best;
  if (takes_best) best = engine_.upload(selection_.best_params());
  const std::vector<double> losses = held_out_.losses(queue_, takes_best ? ConstView(best) : last_params());
  if (!losses.empty()) sampled_loss_ = evidence_.held_out = estimate_of(losses);
  if (InterruptGuard::signal() != 0 && !baseline_) return;  // a user who stops a run does not want to wait
  const Baseline& known = baseline();
  evidence_.diverges = loss_diverges(options_.loss(), known.score, evidence_.losses);
  if (!known.missing.empty()) return;
  evidence_.gaussian = estimate_of(known.gaussian);
  evidence_.over_gaussian = paired_difference(losses, known.gaussian);
  evidence_.over_zero = paired_difference(losses, known.zero);
}

std::vector<std::string> train_report_keys() {
  std::vector<std::string> keys = kDataKeys;
  keys.insert(keys.end(), {"data.notes[]", "units"});
  keys.insert(keys.end(), {"noise.schedule", "noise.sigma_min", "noise.sigma_max", "noise.levels",
                           "noise.data_deviation", "noise.log_mean", "noise.log_deviation"});
  keys.insert(keys.end(), {"objective.name", "objective.variance", "objective.projections", "objective.distribution",
                           "objective.weighting", "context.classes", "context.columns", "context.dropout", "engine",
                           "ranks", "gradients.added_by", "gradients.not_by_nccl"});
  keys.insert(keys.end(), kNetworkKeys.begin(), kNetworkKeys.end());
  keys.insert(keys.end(), {"steps.done", "steps.planned", "steps.batch", "steps.stopped_by", "steps.resumed_after",
                           "steps.skipped", "throughput.samples_per_second", "throughput.seconds"});
  keys.insert(keys.end(), {"loss.mean", "loss.standard_error", "held_out.mean", "held_out.standard_error",
                           "held_out.rows", "selected.step", "selected.last.mean", "selected.last.standard_error"});
  keys.insert(keys.end(), {"baseline.missing", "baseline.gaussian.mean", "baseline.gaussian.standard_error",
                           "baseline.gaussian.rows", "baseline.gaussian.directions", "baseline.gaussian.dim",
                           "baseline.gaussian.training_rows", "baseline.zero.mean", "baseline.zero.standard_error",
                           "baseline.gain.mean", "baseline.gain.standard_error", "baseline.network_is"});
  keys.insert(keys.end(),
              {"samples.not_compared", "samples.count", "samples.not_finite", "samples.data_rows",
               "samples.rounded_columns", "samples.columns", "samples.differing_columns", "samples.shown[]"});
  keys.insert(keys.end(), {"notes[]", "advice[]", "wrote[]"});
  return keys;
}

void Training::describe_steps(Report& report) const {
  Phrase stopped;
  if (const int signal = ranks_.signal(); step_ == options_.steps)
    stopped = "";
  else if (signal != 0)
    stopped = signal == SIGINT ? fact("steps.stopped_by", "SIGINT", " (stopped by Ctrl-C)")
                               : fact("steps.stopped_by", "SIGTERM", " (stopped by SIGTERM)");
  else if (patience_ended_)
    stopped =
        fact("steps.stopped_by", "--patience", " (stopped by --patience " + std::to_string(options_.patience) + ")");
  else
    stopped = fact("steps.stopped_by", "--stop-after", " (stopped by --stop-after)");
  report.line("steps", fact("steps.done", step_) + " of " + fact("steps.planned", options_.steps) + ", " +
                           fact("steps.batch", options_.batch) + " samples each" + stopped);
  if (first_step_ > 0) report.line("resumed", "after " + fact("steps.resumed_after", first_step_) + " steps");
  const Phrase skipped = fact("steps.skipped", skipped_) + " steps whose gradient was not finite";
  if (skipped_ > 0)
    report.line("skipped", skipped);
  else
    report.state(skipped);
}

void Training::describe_losses(Report& report) {
  const std::vector<LossRow>& rows = evidence_.losses;
  if (!rows.empty()) report.line("loss", measurement("loss", rows.back().training));
  if (!sampled_loss_) return;
  report.line("held out",
              measurement("held_out", *sampled_loss_) + " (" + fact("held_out.rows", held_out_.rows()) + " rows)");
  if (samples_best())
    report.line("selected", "the parameters of step " + fact("selected.step", selection_.best_step()) +
                                "; the last ones have a held-out loss of " +
                                measurement("selected.last", *rows.back().held_out));
  if (baseline_) describe_baseline(report);
}

void Training::describe_baseline(Report& report) const {
  if (!evidence_.over_gaussian) {
    report.line("baseline", "none: " + fact("baseline.missing", baseline_->missing));
    return;
  }
  const std::size_t evaluated = baseline_->gaussian.size();
  const Phrase where = " on the first " + fact("baseline.gaussian.rows", evaluated) + " rows";
  report.line("baseline", measurement("baseline.gaussian", estimate_of(baseline_->gaussian)) +
                              " of a Gaussian's score" +
                              (evaluated < baseline_->zero.size() ? where : without_text(where)) + ", " +
                              measurement("baseline.zero", estimate_of(baseline_->zero)) + " of F = 0");
  const LinearScore& score = baseline_->score;
  const Phrase gaussian = "the Gaussian has " + fact("baseline.gaussian.directions", score.rank) + " of " +
                          fact("baseline.gaussian.dim", score.dim) + " directions, from " +
                          fact("baseline.gaussian.training_rows", score.rows) + " rows";
  if (score.rank < score.dim || score.rows < data_.training.rows)
    report.line("", gaussian);
  else
    report.state(gaussian);
  if (evidence_.diverges) return;  // far below any baseline, which is no merit
  Estimate size = *evidence_.over_gaussian;
  const bool is_better = is_clearly_negative(size), is_worse = size.mean > 2 * size.standard_error();
  report.state(measurement("baseline.gain", -size.mean, size.standard_error()));
  size.mean = std::abs(size.mean);
  report.line("", is_better ? "the network is " + fact("baseline.network_is", "better") + " than the Gaussian's by " +
                                  measured(size)
                  : is_worse ? "the network is " + fact("baseline.network_is", "worse") + " than the Gaussian's by " +
                                   measured(size)
                             : "the network is " + fact("baseline.network_is", "as_good", "as good") +
                                   " as the Gaussian's, within two standard errors");
}

void Training::describe_comparison(Report& report) const {
  if (!comparison_) {
    report.line("samples", "not compared with the data: " + fact("samples.not_compared", not_compared_));
    return;
  }
  const Comparison& compared = *comparison_;
  report.line("samples", fact("samples.count", compared.sample_rows + compared.not_finite) + " compared with " +
                             fact("samples.data_rows", compared.data_rows) + " rows of the data" +
                             fact("samples.rounded_columns", compared.rounded_columns,
                                  compared.rounded_columns > 0 ? ", rounded where the data are whole numbers" : ""));
  report.state(fact("samples.not_finite", compared.not_finite) +
               fact("samples.differing_columns", compared.differing()));
  const std::vector<std::string> table = comparison_table(compared);
  const Phrase most = "the columns that differ most, of " + fact("samples.columns", compared.columns.size()) + ":";
  if (compared.columns.size() > (table.size() - 1) / 2)
    report.line("", most);
  else
    report.state(most);
  report.state(comparison_facts("samples.shown", compared));
  for (const std::string& line : table) report.line("", line);
}

void Training::describe_ranks(Report& report) const {
  const Phrase ranks = fact("ranks", ranks_.size());
  if (ranks_.size() == 1) return report.state(ranks);
  report.line("ranks", ranks + " processes by " + mpi_version() + ", gradients added by " +
                           fact("gradients.added_by", gradient_sum_.way()));
  const std::string& reason = gradient_sum_.reason();
  if (!reason.empty()) report.line("", "not by NCCL: " + fact("gradients.not_by_nccl", reason));
}

void Training::describe(Report& report) {
  report.line("engine", fact("engine", engine_.description()));
  describe_ranks(report);
  report.line("network", describe_network(net_));
  describe_steps(report);
  const std::int64_t samples = (step_ - first_step_) * options_.batch;
  report.line("throughput", speed("throughput", "sample", static_cast<double>(samples), seconds_here_));
  describe_losses(report);
  describe_comparison(report);
  for (const Remark& remark : is_cut_short_ ? std::vector<Remark>() : verdict(evidence_)) {
    const bool warns = remark.kind == Remark::Kind::warning, advises = remark.kind == Remark::Kind::advice;
    report.line(warns     ? "warning"
                : advises ? "try"
                          : "note",
                fact(warns     ? "warnings"
                     : advises ? "advice"
                               : "notes",
                     remark.text));
  }
  for (const char* each : written_) report.line("wrote", fact("wrote", path(each)));
}

}  // namespace scorematch::cli
