// scorematch likelihood: the log-likelihood of data under a model, in the units of the data.
#include "scorematch/likelihood.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "cli/data/contexts.h"
#include "cli/data/dataset.h"
#include "cli/data/dequantize.h"
#include "cli/data/grid.h"
#include "cli/files/data_file.h"
#include "cli/models/model_metadata.h"
#include "cli/options/commands.h"
#include "cli/options/outputs.h"
#include "cli/options/progress.h"
#include "cli/options/refusal.h"
#include "cli/sampling/context_choice.h"
#include "formats/spec_text.h"
#include "scorematch/checkpoint.h"
#include "scorematch/error.h"

namespace scorematch::cli {
namespace {

struct Options {
  std::string model, data, output, missing = "refuse";
  EngineOptions engine;
  ReportOptions report;
  std::int64_t count = 0;
  std::uint64_t seed = 0;
  int steps = 40, projections = 0;
  Projection distribution = Projection::rademacher;
  TraceEstimator trace_estimator = TraceEstimator::hutchinson;
  NoiseRange noise;
  double prior_deviation = -1, guidance = 1;
  std::string labels;
  std::optional<bool> model_was_dequantized;  // once it is read
};

std::vector<std::string> report_keys() {
  std::vector<std::string> keys = kDataKeys;
  keys.insert(keys.end(),
              {"engine", "flow.sigma_min", "flow.sigma_max", "flow.steps", "flow.projections", "flow.distribution",
               "flow.trace_estimator", "log_likelihood.mean", "log_likelihood.standard_error", "log_likelihood.rows",
               "log_likelihood.rows_without", "bits_per_dim.mean", "bits_per_dim.standard_error", "bits_per_dim.of",
               "throughput.rows_per_second", "throughput.seconds", "wrote[]"});
  return keys;
}

constexpr std::int64_t kBatch = 1024;  // at a time; the values do not depend on it

/// The noise levels and the prior: as asked for, else those of the model's training.
Likelihood make_likelihood(const Options& options, const Checkpoint& model) {
  Likelihood likelihood;
  const NoiseRange range = needed_range(options.noise, model, "");
  likelihood.sigma_min = range.low, likelihood.sigma_max = range.high;
  likelihood.prior_deviation = prior_deviation(model, options.prior_deviation);
  likelihood.steps = options.steps;
  likelihood.projections = options.projections;
  likelihood.distribution = options.distribution, likelihood.trace_estimator = options.trace_estimator;
  return likelihood;
}

struct Result {
  Estimate mean;               // of the rows that have a value
  std::vector<double> values;  // [rows]; NaN or -inf for a row that has none
  std::vector<std::int64_t> without;
};

/// Zeros in place of a row that float32 cannot hold in model units: that row has no likelihood, and the others have
/// theirs.
std::vector<bool> blank_rows(Matrix& data) {
  const auto cols = static_cast<std::size_t>(data.cols);
  std::vector<bool> is_blank(static_cast<std::size_t>(data.rows), false);
  for (std::size_t i = 0; i < is_blank.size(); ++i) {
    const auto row = data.values.begin() + static_cast<std::ptrdiff_t>(i * cols);
    is_blank[i] = std::any_of(row, row + data.cols, [](float each) { return !std::isfinite(each); });
    if (is_blank[i]) std::fill(row, row + data.cols, 0.0f);
  }
  return is_blank;
}

/// @param data in model units
/// @param shifts [rows] from their log-likelihood to that of data units
/// @param off_support rows whose likelihood is 0
/// @param contexts of the rows
Result evaluate(const Options& options, const Checkpoint& model, const Engine& engine, Matrix data,
                const Likelihood& likelihood, const std::vector<double>& shifts,
                const std::vector<OffSupport>& off_support, const Contexts& contexts) {
  std::vector<bool> is_blank = blank_rows(data);
  for (const OffSupport& each : off_support) is_blank[static_cast<std::size_t>(each.row)] = true;
  const std::int64_t batch = std::min(kBatch, data.rows);
  const LikelihoodPlan plan(engine, model.net, likelihood, batch);
  Queue queue(engine, plan.workspace_bytes());
  auto params = engine.upload(model.sampling_params()), x = engine.upload(data.values, {data.rows, data.cols}),
       values = engine.allocate<float>(batch);
  NoiseState noise(engine, options.seed);
  const ContextArrays given(engine, contexts);
  Result result;
  for (std::int64_t first = 0; first < data.rows; first += batch) {
    const std::int64_t count = std::min(batch, data.rows - first);
    const View part = View(values).samples(0, count);
    LikelihoodPlan::In in{params, {x.samples(first, count), noise.from(first)}};
    given.give(in.batch, first, count);
    plan.run(queue, in, {part});
    for (const float each : queue.read_f32(part)) {
      const std::size_t row = result.values.size();
      const double value =
          is_blank[row] ? -std::numeric_limits<double>::infinity() : static_cast<double>(each) + shifts[row];
      result.values.push_back(value);
      if (std::isfinite(value))
        result.mean = result.mean.merged({1, value, 0});
      else
        result.without.push_back(static_cast<std::int64_t>(row));
    }
  }
  return result;
}

/// "row 3 has 5 in column 'x', 2 (from 0), which was constant at 4 in training"
std::string off_support_text(const OffSupport& off, const Table& data) {
  const std::string expected = number_text(off.expected);
  return "row " + std::to_string(off.row) + " has " + number_text(off.value) + " in column " +
         column_name(data, off.column) +
         (off.is_constant ? ", which was constant at " + expected + " in training"
                          : ", where the other columns determine " + expected + ", as in training");
}

void check_some_row_has_a_value(const Result& result, const std::vector<OffSupport>& off_support, const Table& data) {
  if (result.mean.count > 0) return;
  const std::string advice =
      off_support.empty() ? "try more --steps or a larger --sigma-min" : off_support_text(off_support.front(), data);
  refuse("log-likelihood", "finite values", "none in any row; " + advice);
}

constexpr std::size_t kMostNamed = 5;

/// "3, 17, ..."
std::string names_of(const std::vector<std::int64_t>& rows) {
  std::string names;
  for (std::size_t i = 0; i < std::min(rows.size(), kMostNamed); ++i)
    names += (i == 0 ? "" : ", ") + std::to_string(rows[i]);
  return names + (rows.size() > kMostNamed ? ", ..." : "");
}

/// "3 of 100"
std::string count_of(const std::vector<std::int64_t>& rows, const Result& result) {
  return std::to_string(rows.size()) + " of " + std::to_string(result.values.size());
}

/// Rows so far below the others that a few of them decide the mean.
void warn_of_lone_rows(Report& report, const Result& result) {
  constexpr double kFar = 50;  // widths of the middle half, below it; 10 deviations for a Gaussian
  std::vector<double> sorted;
  for (const double each : result.values)
    if (std::isfinite(each)) sorted.push_back(each);
  std::sort(sorted.begin(), sorted.end());
  if (sorted.size() < 8) return;
  const double lower = sorted[sorted.size() / 4], upper = sorted[sorted.size() - 1 - sorted.size() / 4];
  const double limit = lower - kFar * std::max(upper - lower, 1.0);
  std::vector<std::int64_t> rows;
  Estimate others;
  for (std::size_t i = 0; i < result.values.size(); ++i) {
    if (!std::isfinite(result.values[i])) continue;
    if (result.values[i] < limit)
      rows.push_back(static_cast<std::int64_t>(i));
    else
      others = others.merged({1, result.values[i], 0});
  }
  // A few among very many move it by less than its error.
  if (rows.empty() || std::abs(result.mean.mean - others.mean) < others.standard_error()) return;
  report.warn(count_of(rows, result) +
              " rows are so far below the others that they decide the mean: " + names_of(rows) +
              " (from 0); without them it is " + format_measurement(others.mean, others.standard_error()) + " nats");
}

void warn_of_rows_without(Report& report, const Result& result, const std::vector<OffSupport>& off_support,
                          const Table& data) {
  const std::vector<std::int64_t>& rows = result.without;
  if (rows.empty()) return;
  std::string why;
  if (!off_support.empty())
    why = std::to_string(off_support.size()) +
          " cannot come from the model: " + off_support_text(off_support.front(), data);
  if (off_support.size() < rows.size())
    why += std::string(why.empty() ? "they" : "; the others") +
           " are too far from the training data, or need more --steps";
  report.warn(count_of(rows, result) + " rows have no finite log-likelihood and are left out of the mean: " +
              names_of(rows) + " (from 0); " + why);
}

/// The contexts of the rows: classes from a file, or columns of the data, which are removed from it.
Contexts take_contexts(const Options& options, const Checkpoint& model, Table& data) {
  const Context& context = model.net.context;
  if (context.columns == 0) {
    if (!options.labels.empty()) refuse("--labels", "nothing, because the model has no context", "a file");
    return {};
  }
  const ContextUnits units = context_units(options.model, model, /*by_class=*/true);
  if (units.classes == 0) {
    if (!options.labels.empty())
      refuse("--labels", "nothing, because the model's context are columns of the data", "a file");
    std::string names;
    for (const std::string& each : units.columns) names += (names.empty() ? "" : ",") + each;
    return to_model("DATA", split_columns("DATA", data, names), units);
  }
  if (options.labels.empty()) {
    if (!context.optional) refuse("--labels", "the classes of the rows, because the model needs them", "nothing");
    return {};
  }
  return to_model("--labels", read_labels("--labels", options.labels, data.rows), units);
}

void run(Options& options, const OptionTable& declared) {
  check(options.noise);
  if (options.guidance != 1)
    refuse("--guidance", "1, because a guided score is not the score of a density", number_text(options.guidance));
  if (!options.output.empty()) check_data_name("--output", options.output);
  const Checkpoint model = Checkpoint::load(options.model);
  const Grid grid = read_grid(model);
  options.model_was_dequantized = !grid.empty();
  declared.check_needs();
  const Likelihood likelihood = make_likelihood(options, model);
  if (!options.output.empty())
    check_output("--output", options.output, {options.model, split_array(options.data).first});
  Table table = read_data(options.data, missing_named(options.missing));
  const Units units(model);
  Contexts contexts = take_contexts(options, model, table);
  if (table.cols != units.columns())
    refuse("DATA", std::to_string(units.columns()) + " columns, like the model", std::to_string(table.cols));
  if (options.count > table.rows)
    refuse("--count", "at most the " + std::to_string(table.rows) + " rows of the data", std::to_string(options.count));
  if (options.count > 0) {
    table.rows = options.count;
    table.values.resize(static_cast<std::size_t>(table.rows * table.cols));
    std::vector<std::int64_t> places(static_cast<std::size_t>(table.rows));
    std::iota(places.begin(), places.end(), std::int64_t{0});
    contexts = contexts.at(places);
  }
  check_grid(table, grid);
  const std::vector<OffSupport> off_support = units.off_support(table);
  Matrix data = units.to_model(table);
  if (!grid.empty()) data = Dequantizer(grid.steps, units, options.seed).all(data, /*training_step=*/0);

  Report report(options.report, "likelihood", report_keys(), 15);
  if (!options.output.empty()) report.refuse_stdout("--output", options.output);
  warn_of_prior(report, model, likelihood.sigma_max, options.prior_deviation);
  const Engine engine = options.engine.make();
  const auto start = std::chrono::steady_clock::now();
  std::vector<double> shifts = units.log_volumes(data);
  for (double& each : shifts) each = grid.log_cell() - each;
  const Result result = evaluate(options, model, engine, std::move(data), likelihood, shifts, off_support, contexts);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double mean = result.mean.mean, error = result.mean.standard_error(), bits = model.net.dim * std::log(2.0);
  check_some_row_has_a_value(result, off_support, table);
  warn_of_rows_without(report, result, off_support, table);
  warn_of_lone_rows(report, result);
  if (table.dropped_rows > 0)
    report.line("data", describe(table));
  else
    report.state(describe(table));
  report.line("engine", fact("engine", engine.description()));
  const bool is_exact = likelihood.projections == 0;
  report.line("flow", "sigma " + rounded_fact("flow.sigma_min", likelihood.sigma_min, 4) + " to " +
                          rounded_fact("flow.sigma_max", likelihood.sigma_max, 4) + " in " +
                          fact("flow.steps", likelihood.steps) + " steps, " +
                          fact("flow.projections", likelihood.projections,
                               is_exact ? "exact" : std::to_string(likelihood.projections) + "-direction") +
                          " divergence" +
                          (is_exact ? Phrase()
                                    : " (" + fact("flow.trace_estimator", name_of(likelihood.trace_estimator)) + ", " +
                                          fact("flow.distribution", name_of(likelihood.distribution)) + ")"));
  report.line("log-likelihood", measurement("log_likelihood", mean, error) + " nats (" +
                                    fact("log_likelihood.rows", result.values.size() - result.without.size()) +
                                    " rows)" + silent("log_likelihood.rows_without", result.without.size()));
  const std::string of = grid.empty() ? "a density in data units" : grid.description();
  report.line("bits per dim",
              measurement("bits_per_dim", -mean / bits, error / bits) + " (of " + fact("bits_per_dim.of", of) + ")");
  report.line("throughput", speed("throughput", "row", static_cast<double>(table.rows), seconds));
  if (!options.output.empty()) {
    Table values;
    values.rows = table.rows, values.cols = 1;
    values.columns = {"log_likelihood"};
    values.values = result.values;
    write_data(options.output, values);
    report.line("wrote", fact("wrote", options.output));
  }
  report.finish();
}

}  // namespace

std::unique_ptr<OptionTable> add_likelihood(CLI::App& app) {
  auto options = std::make_shared<Options>();
  auto table =
      std::make_unique<OptionTable>(app, "likelihood", "Log-likelihood of data under a model, with standard error");
  table->required_text("model", options->model, "model.safetensors");
  table->required_text("data", options->data, "data in the units of the training data, in any format that train reads");
  add_missing(*table, options->missing);
  table->optional_number("-n,--count", options->count, 1, std::int64_t{1} << 40,
                         "use only the first rows of the data; all if not given", always_has_effect());
  table->text("-o,--output", options->output, "where to write each row's log-likelihood in nats, NAME.npy or NAME.csv",
              always_has_effect());
  table->text("--labels", options->labels,
              "a file with the class of each row, for a model of classes; without, the likelihood without a context",
              always_has_effect());
  table->number("--guidance", options->guidance, -1e6, 1e6, "1: a guided score is not that of a density",
                always_has_effect());
  table->number("--steps", options->steps, 1, 1 << 23, "Runge-Kutta steps, four evaluations each", always_has_effect());
  const Condition has_directions{"--projections above 0", [&count = options->projections] { return count > 0; },
                                 [] { return std::string("--projections 0"); }};
  table->number("--projections", options->projections, 0, 1 << 14,
                "directions of the estimate of the divergence; 0: exact, one per column of the data",
                always_has_effect());
  table->choice("--distribution", options->distribution, "distribution of the directions", needs(has_directions));
  table->choice("--trace-estimator", options->trace_estimator,
                "hutch_plus_plus: fewer directions for a Jacobian of nearly low rank; their number is a multiple of 3",
                needs(has_directions));
  table->optional_number("--sigma-min", options->noise.low, kSmallest, kLargest,
                         "noise at which the density is evaluated; that of the training if not given",
                         always_has_effect());
  table->optional_number("--sigma-max", options->noise.high, kSmallest, kLargest,
                         "largest noise; that of the training if not given", always_has_effect());
  table->optional_number(
      "--prior-deviation", options->prior_deviation, 0, kLargest,
      "standard deviation of the data in model units, added to sigma-max at the latent; that of the training data if "
      "not given",
      always_has_effect());
  table->number("--seed", options->seed, 0, std::numeric_limits<std::uint64_t>::max(),
                "seed of directions and dequantization",
                needs(has_directions, model_is("a model of dequantized data", "one of data without dequantization",
                                               options->model_was_dequantized)));
  options->engine.add_to(*table);
  options->report.add_to(*table);
  table->on_run([options, &table = *table] { run(*options, table); });
  return table;
}

}  // namespace scorematch::cli
