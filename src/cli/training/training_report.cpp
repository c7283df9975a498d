// The end of a run: what was learned, measured and printed.
#include <csignal>
#include <cstdio>
#include <filesystem>

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

void print_line(const char* name, const std::string& text) { std::printf("%-11s %s\n", name, text.c_str()); }

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
  const Matrix rows = rows_to_compare(), samples = draw_samples(engine_, model, count, options_.seed);
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

void Training::print_losses() {
  const std::vector<LossRow>& rows = evidence_.losses;
  if (!rows.empty()) print_line("loss", measured(rows.back().training));
  if (!sampled_loss_) return;
  print_line("held out", measured(*sampled_loss_) + " (" + std::to_string(held_out_.rows()) + " rows)");
  if (samples_best())
    print_line("selected", "the parameters of step " + std::to_string(selection_.best_step()) +
                               "; the last ones have a held-out loss of " + measured(*rows.back().held_out));
  if (!baseline_) return;
  if (!evidence_.over_gaussian) {
    print_line("baseline", "none: " + baseline_->missing);
    return;
  }
  const std::size_t evaluated = baseline_->gaussian.size();
  std::string where;
  if (evaluated < baseline_->zero.size()) where = " on the first " + std::to_string(evaluated) + " rows";
  print_line("baseline", measured(estimate_of(baseline_->gaussian)) + " of a Gaussian's score" + where + ", " +
                             measured(estimate_of(baseline_->zero)) + " of F = 0");
  const LinearScore& score = baseline_->score;
  if (score.rank < score.dim || score.rows < data_.training.rows)
    print_line("", "the Gaussian has " + std::to_string(score.rank) + " of " + std::to_string(score.dim) +
                       " directions, from " + std::to_string(score.rows) + " rows");
  if (evidence_.diverges) return;  // far below any baseline, which is no merit
  Estimate gain = *evidence_.over_gaussian;
  const bool is_better = is_clearly_negative(gain), is_worse = gain.mean > 2 * gain.standard_error();
  gain.mean = std::abs(gain.mean);
  print_line("", is_better  ? "the network is better than the Gaussian's by " + measured(gain)
                 : is_worse ? "the network is worse than the Gaussian's by " + measured(gain)
                            : "the network is as good as the Gaussian's, within two standard errors");
}

void Training::print_comparison() const {
  if (!comparison_) {
    print_line("samples", "not compared with the data: " + not_compared_);
    return;
  }
  print_line("samples", std::to_string(comparison_->sample_rows + comparison_->not_finite) + " compared with " +
                            std::to_string(comparison_->data_rows) + " rows of the data" +
                            (comparison_->rounded_columns > 0 ? ", rounded where the data are whole numbers" : ""));
  const std::vector<std::string> table = comparison_table(*comparison_);
  if (comparison_->columns.size() > (table.size() - 1) / 2)
    print_line("", "the columns that differ most, of " + std::to_string(comparison_->columns.size()) + ":");
  for (const std::string& line : table) print_line("", line);
}

void Training::report() {
  const std::int64_t done = step_ - first_step_;
  std::string stopped;
  if (const int signal = InterruptGuard::signal(); signal != 0)
    stopped = signal == SIGINT ? " (stopped by Ctrl-C)" : " (stopped by SIGTERM)";
  else if (patience_ended_)
    stopped = " (stopped by --patience " + std::to_string(options_.patience) + ")";
  else if (step_ < options_.steps)
    stopped = " (stopped by --stop-after)";
  print_line("engine", engine_.description());
  print_line("network", format_network(net_));
  print_line("steps", std::to_string(step_) + " of " + std::to_string(options_.steps) + ", " +
                          std::to_string(options_.batch) + " samples each" + (step_ < options_.steps ? stopped : ""));
  if (first_step_ > 0) print_line("resumed", "after " + std::to_string(first_step_) + " steps");
  if (skipped_ > 0) print_line("skipped", std::to_string(skipped_) + " steps whose gradient was not finite");
  print_line("throughput", format_rate(static_cast<double>(done * options_.batch) / seconds_here_) + " samples/s, " +
                               format_duration(seconds_here_) + " in all");
  print_losses();
  print_comparison();
  for (const Remark& remark : is_cut_short_ ? std::vector<Remark>() : verdict(evidence_))
    print_line(remark.kind == Remark::Kind::warning  ? "warning"
               : remark.kind == Remark::Kind::advice ? "try"
                                                     : "note",
               remark.text);
  for (const char* each : written_) print_line("wrote", path(each));
}

}  // namespace scorematch::cli
