// scorematch sample: new samples from a model, in data units; pictures of them if they are pictures or points.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>

#include "cli/data/batches.h"
#include "cli/data/dataset.h"
#include "cli/data/grid.h"
#include "cli/files/data_file.h"
#include "cli/files/png_file.h"
#include "cli/models/model_metadata.h"
#include "cli/options/commands.h"
#include "cli/options/outputs.h"
#include "cli/options/refusal.h"
#include "cli/plots/contact_sheet.h"
#include "cli/plots/image_size.h"
#include "cli/plots/scatter_plot.h"
#include "cli/sampling/context_choice.h"
#include "cli/sampling/langevin_chains.h"
#include "cli/sampling/sampler_choice.h"
#include "formats/spec_text.h"
#include "model/network.h"
#include "scorematch/checkpoint.h"
#include "scorematch/error.h"
#include "scorematch/sampler.h"
#include "scorematch/score.h"

namespace scorematch::cli {
namespace {

struct Options {
  std::string model, output, image, picture, data, missing = "refuse";
  EngineOptions engine;
  ReportOptions report;
  SamplerOptions sampler;
  ContextOptions context;
  std::int64_t count = 100;
  std::uint64_t seed = 0;
  double arrow_sigma = 0;
  bool quantize = true;
  std::optional<bool> model_was_dequantized;  // once it is read
};

std::vector<std::string> report_keys() {
  std::vector<std::string> keys = {"count", "engine"};
  keys.insert(keys.end(), kChainKeys.begin(), kChainKeys.end());
  keys.insert(keys.end(), {"throughput.samples_per_second", "throughput.seconds", "wrote[]"});
  return keys;
}

constexpr std::int64_t kBatch = 4096;  // at a time; the samples do not depend on it
constexpr int kArrows = 21;            // per side
constexpr int kHeights = 160;          // per side, of a density's contours

std::string picture_path(const Options& options) {
  if (!options.picture.empty()) return options.picture;
  return std::filesystem::path(options.output).replace_extension(".png").string();
}

/// What can be refused before any file is read.
void check(const Options& options) {
  check_data_name("--output", options.output);
  if (!options.image.empty()) parse_image(options.image);
  const bool draws = !options.image.empty() || !options.data.empty();
  if (draws && picture_path(options) == options.output)
    refuse_option(options.picture.empty() ? "--output" : "--picture", "two files for samples and picture",
                  "'" + options.output + "' for both");
  check(options.sampler.noise);
}

class Drawing {
 public:
  /// @param contexts that are asked for
  Drawing(const Options& options, const Checkpoint& model, const Contexts& contexts)
      : options_(options),
        model_(model),
        engine_(options.engine.make()),
        params_(engine_.upload(model.sampling_params())),
        noise_(engine_, options.seed),
        contexts_(engine_, spread(contexts, options.count)) {}

  /// In data units, with the resolution of the data.
  Table samples(const SamplerChoice& choice) {
    const std::int64_t batch = std::min(kBatch, options_.count);
    if (const auto* langevin = std::get_if<Langevin>(&choice.sampler)) {
      chains_.emplace(engine_, model_, *langevin, choice.start, batch, options_.seed, options_.context.guidance);
    } else {
      plan_.emplace(engine_, model_.net, choice.sampler, batch, options_.context.guidance);
      queue_.emplace(engine_, plan_->workspace_bytes());
    }
    auto x = engine_.allocate<float>({batch, model_.net.dim});
    const Matrix all = in_batches(x, options_.count, "--count", [&](std::int64_t first, const View& part) {
      if (chains_) return chains_->run(params_, first, part, contexts_);
      SamplerPlan::In in{params_, noise_.from(first)};
      contexts_.give(in, first, part.shape.extent[0]);
      plan_->run(*queue_, in, {part});
      return queue_->read_f32(part);
    });
    Table table = table_of_samples(model_.metadata, units_.columns());
    table.rows = all.rows;
    table.values = units_.to_data(all).values;
    const double most = static_cast<double>(std::numeric_limits<float>::max());
    for (const double each : table.values)
      if (!std::isfinite(each) || (!needs_float64(table.element) && std::abs(each) > most))
        throw Error(
            ErrorCode::invalid_argument, "samples",
            "samples: expected finite values, got infinite or NaN ones; try more --steps or a smaller --step-size");
    return table;
  }

  /// The score in data units at points in data units.
  std::vector<Arrow> field(const Matrix& points) {
    auto score = engine_.allocate<float>({points.rows, 2});
    ScorePlan::Out out;
    out.score = score;
    const std::vector<float> values = at_points(points, out, score);
    const Matrix model = units_.to_model(widened(points));
    std::vector<Arrow> arrows;
    for (std::size_t i = 0; i < values.size(); i += 2) {
      const std::vector<double> gradient = units_.score_to_data(model.values.data() + i, values.data() + i);
      arrows.push_back(
          {static_cast<double>(points.values[i]), static_cast<double>(points.values[i + 1]), gradient[0], gradient[1]});
    }
    return arrows;
  }

  /// An energy net's ln p up to a constant at points in data units.
  std::vector<double> log_density(const Matrix& points) {
    auto f = engine_.allocate<float>(points.rows);
    ScorePlan::Out out;
    out.log_density = f;
    const std::vector<float> values = at_points(points, out, f);
    return {values.begin(), values.end()};
  }

  std::string engine() const { return engine_.description(); }
  const std::optional<Chains>& chains() const { return chains_; }

 private:
  /// What a score plan puts into `result`, one of `out`.
  std::vector<float> at_points(const Matrix& points, const ScorePlan::Out& out, const Buffer<float>& result) {
    const Matrix model_points = units_.to_model(widened(points));
    const ScorePlan plan(engine_, model_.net, points.rows);
    Queue queue(engine_, plan.workspace_bytes());
    auto x = engine_.upload(model_points.values, {points.rows, 2});
    const double level =
        options_.arrow_sigma > 0 ? options_.arrow_sigma : std::max(0.1, metadata_number(model_, "sigma_min", 0.1));
    auto sigma = engine_.upload(std::vector<float>{static_cast<float>(level)});
    ScorePlan::In in{params_, {x}};
    contexts_.give(in.batch, 0, 1);  // all samples have the same
    if (uses_sigma(model_.net.parameterization, model_.net.conditioning)) in.batch.sigma = sigma;
    plan.run(queue, in, out);
    return queue.read(result);
  }

  const Options& options_;
  const Checkpoint& model_;
  Units units_{model_};
  Engine engine_;
  Buffer<float> params_;
  NoiseState noise_;
  ContextArrays contexts_;
  std::optional<SamplerPlan> plan_;  // or
  std::optional<Chains> chains_;
  std::optional<Queue> queue_;
};

Canvas draw_sheet(const Options& options, const Checkpoint& model, const Matrix& samples) {
  const ImageSize size = parse_image(options.image);
  SheetOptions sheet;
  const auto limit = [&](const char* key, double otherwise) {
    return static_cast<float>(std::clamp(metadata_number(model, key, otherwise), -1e38, 1e38));
  };
  sheet.black = limit("data.lowest", -1);
  sheet.white = limit("data.highest", 1);
  if (sheet.black == sheet.white) sheet.white = std::nextafter(sheet.white, std::numeric_limits<float>::infinity());
  return contact_sheet(samples, size.height, size.width, sheet);
}

void run(Options& options, const OptionTable& table) {
  check(options);
  const Checkpoint model = Checkpoint::load(options.model);
  options.sampler.model_uses_sigma = uses_sigma(model.net.parameterization, model.net.conditioning);
  const Grid grid = read_grid(model);
  options.model_was_dequantized = !grid.empty();
  table.check_needs();
  if (!options.image.empty()) {
    const ImageSize size = parse_image(options.image);
    const std::int64_t columns = data_columns(model);
    if (std::int64_t{size.height} * size.width != columns)
      refuse("--image", std::to_string(columns) + " values per picture, like the model", options.image);
    try {
      check_sheet(options.count, size.height, size.width);
    } catch (const Error& error) {
      throw Error(error.code(), "--image", "--image: " + std::string(error.what()));
    }
  }
  const Contexts contexts = chosen_contexts(options.context, options.model, model);
  if (!options.data.empty() && (options.context.guidance != 1 || !options.context.is_single(contexts)))
    refuse("--data", "one context, and --guidance 1, for the score field", "others");
  const std::string data_file = split_array(options.data).first;
  check_output("--output", options.output, {options.model, data_file});
  const bool draws = !options.image.empty() || !options.data.empty();
  if (draws) check_output("--picture", picture_path(options), {options.model, data_file, options.output});
  Matrix data;
  if (!options.data.empty()) {
    data = rounded(read_data(options.data, missing_named(options.missing)));
    if (model.net.dim != 2 || data_columns(model) != 2 || data.cols != 2)
      refuse("--data", "two columns, for a model of two",
             std::to_string(data.cols) + " for " + std::to_string(model.net.dim));
  }
  Report report(options.report, "sample", report_keys());
  report.refuse_stdout("--output", options.output);
  if (draws) report.refuse_stdout("--picture", picture_path(options));
  const SamplerChoice sampler = make_sampler(options.sampler, model, report);
  Drawing drawing(options, model, contexts);
  const auto start = std::chrono::steady_clock::now();
  Table samples = drawing.samples(sampler);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (options.quantize) to_grid(samples, grid);
  write_data(options.output, samples);
  report.state(fact("count", samples.rows));
  report.line("engine", fact("engine", drawing.engine()));
  if (drawing.chains()) drawing.chains()->describe(report);
  report.line("throughput", speed("throughput", "sample", static_cast<double>(samples.rows), seconds));
  report.line("wrote", fact("wrote", options.output));
  if (!options.image.empty()) {
    to_grid(samples, grid);  // a picture shows possible data, whatever the file has
    write_png(picture_path(options), draw_sheet(options, model, rounded(samples)));
  }
  if (!options.data.empty()) {
    std::vector<double> heights;
    const Matrix points = rounded(samples);
    if (model.net.kind == MlpShape::Kind::energy) heights = drawing.log_density(arrow_grid(data, points, kHeights));
    write_png(picture_path(options), scatter_plot(data, points, drawing.field(arrow_grid(data, points, kArrows)),
                                                  "data and samples", heights));
  }
  if (draws) report.line("wrote", fact("wrote", picture_path(options)));
  report.finish();
}

}  // namespace

std::unique_ptr<OptionTable> add_sample(CLI::App& app) {
  auto options = std::make_shared<Options>();
  auto table = std::make_unique<OptionTable>(app, "sample", "Draw samples from a model");
  table->required_text("model", options->model, "model.safetensors");
  table->number("-n,--count", options->count, 1, std::int64_t{1} << 40, "samples", always_has_effect());
  table->required_text("-o,--output", options->output,
                       "where to write the samples, NAME.npy or NAME.csv; an existing file is replaced");
  const Declared image = table->text("--image", options->image, "HEIGHTxWIDTH: also draw them as images, side by side",
                                     always_has_effect());
  table
      ->text("--data", options->data,
             "2-D data: also draw the samples beside it, with the score field and an energy net's density",
             always_has_effect())
      .excludes(image);
  const Condition data = given("--data", options->data);
  add_missing(*table, options->missing, needs(data));
  table->text("--picture", options->picture, "where to write the picture; the output with .png if not given",
              needs(given("--image", options->image), data));
  options->sampler.add_to(*table);
  options->context.add_to(*table);
  table->optional_number("--arrow-sigma", options->arrow_sigma, kSmallest, kLargest,
                         "noise level of the score field and density, in model units",
                         needs(data).also({options->sampler.network_uses_sigma()}));
  table->number("--seed", options->seed, 0, std::numeric_limits<std::uint64_t>::max(), "seed of the noise",
                always_has_effect());
  table->flag("--quantize,!--no-quantize", options->quantize,
              "round dequantized columns to values that the data can have, which is the default; "
              "--no-quantize: leave them as the model gives them, with the noise",
              needs(model_is("a model of dequantized data", "one of data without dequantization",
                             options->model_was_dequantized)));
  options->engine.add_to(*table);
  options->report.add_to(*table);
  table->on_run([options, &table = *table] { run(*options, table); });
  return table;
}

}  // namespace scorematch::cli
