#include "cli/training/train_options.h"

#include <CLI/Error.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "cli/options/refusal.h"
#include "cli/plots/image_size.h"
#include "formats/spec_plans.h"

namespace scorematch::cli {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr std::int64_t kMaxSteps = std::int64_t{1} << 40;
constexpr const char* kWholeNumbers = "whole";  // --dequantize without a number

}  // namespace

void TrainOptions::add_recorded(OptionTable& table) {
  table_ = &table;
  first_of_run_ = table.entries().size();
  add_network(table);
  add_loss(table);
  add_run(table);
  end_of_run_ = table.entries().size();
}

void TrainOptions::add_to(OptionTable& table) {
  table.required_text(
      "data", data,
      "[N, d] or more axes: .npy of any number type, ARCHIVE.npz:ARRAY, .csv, or IDX; also compressed with gzip");
  table.required_text("-o,--output", directory, "folder for model.safetensors, loss.csv and loss.png");
  engine.add_to(table);
  report.add_to(table);
  add_recorded(table);
  add_context(table);
  end_of_context_ = table.entries().size();
  table.text("--labels", labels,
             "a file with a class, a whole number from 0, for each row of the data: a conditional model",
             always_has_effect());
  table.text(
      "--resume", resume,
      "continue a run from its folder or checkpoint, with the same results as if it had not stopped; its options are "
      "used, and --steps may differ",
      always_has_effect());
  add_missing(table, missing);
  table.flag("--overwrite", overwrite, "replace the run in the output folder", always_has_effect());
  table.number("--checkpoint-every", checkpoint_every, 0, kMaxSteps,
               "steps between further saves; 0: save only at the end", always_has_effect());
  table.number("--samples", samples, 0, std::int64_t{1} << 30,
               "samples drawn at the end and compared with the data; 0: none", always_has_effect());
  table.choice("--gradients-by", gradients_by, {"auto", "mpi", "nccl"},
               "what adds the gradients of several processes; auto: nccl where each has a GPU of its own",
               always_has_effect());
  table.number("--stop-after", stop_after, 0, kMaxSteps, "save and stop after this many steps of this call; 0: do all",
               always_has_effect());
}

void TrainOptions::add_network(OptionTable& table) {
  table.choice("--net", net_kind, "what the network computes, the score or ln p up to a constant", always_has_effect());
  table.list("--hidden", hidden, 1, 1 << 20,
             "widths of the hidden layers, separated by commas; if not given, from the number of columns",
             always_has_effect());
  table.choice("--initialization", initialization, "initial parameters", always_has_effect());
  table.choice("--activation", activation, "activation", always_has_effect());
  table
      .choice("--parameterization", parameterization,
              "how F becomes a score; if not given, edm, or plain without noise", always_has_effect())
      .shows_default("");
  table
      .choice("--conditioning", conditioning, "how sigma enters; if not given, fourier, or none without noise",
              always_has_effect())
      .shows_default("");
  const Condition by_fourier = chosen("--conditioning", conditioning, {Conditioning::Kind::fourier});
  table.number("--fourier", fourier, 1, 1 << 16, "Fourier frequencies", needs(by_fourier));
  table.number("--fourier-scale", fourier_scale, kSmallest, kLargest, "standard deviation of the Fourier frequencies",
               needs(by_fourier));
  table.number("--sigma-data", sigma_data, kSmallest, kLargest, "standard deviation to which the data are scaled",
               needs(chosen("--standardize", standardize, {"auto", "whiten", "column", "scale"}),
                     chosen("--parameterization", parameterization, {Parameterization::Kind::edm}),
                     chosen("--weighting", weighting, {Weighting::Kind::edm})));
  table.flag("--residual,!--no-residual", residual, "hidden layers as wide as their input add it to their output",
             needs(residual_layer([this] { return columns_ > 0 ? std::optional(net(columns_)) : std::nullopt; })));
}

void TrainOptions::add_loss(OptionTable& table) {
  table.choice("--noise", noise, {"auto", "fixed"},
               "noise levels that are not given; auto: from the data; fixed: those of EDM, for data of "
               "deviation 0.5",
               always_has_effect());
  table.choice("--objective", objective,
               {ObjectiveKind::dsm, ObjectiveKind::ism, ObjectiveKind::ssm, ObjectiveKind::ssm_vr}, "objective",
               always_has_effect());
  table.choice("--variance", variance, "variance reduction of dsm",
               needs(chosen("--objective", objective, {ObjectiveKind::dsm})));
  const Condition sliced = chosen("--objective", objective, {ObjectiveKind::ssm, ObjectiveKind::ssm_vr});
  table.number("--projections", projections, 1, 1 << 14, "directions of ssm and ssm_vr", needs(sliced));
  table.choice("--distribution", distribution, "distribution of the directions", needs(sliced));
  table.choice("--schedule", schedule, "distribution of sigma; those of processes have their published numbers",
               always_has_effect());
  table.number("--sigma", sigma, kSmallest, kLargest, "noise level of the schedule single",
               needs(chosen("--schedule", schedule, {NoiseSchedule::Kind::single})));
  const Condition geometric = chosen("--schedule", schedule, {NoiseSchedule::Kind::geometric});
  const Condition range =
      chosen("--schedule", schedule, {NoiseSchedule::Kind::geometric, NoiseSchedule::Kind::log_normal});
  table.optional_number("--sigma-min", sigma_min, kSmallest, kLargest,
                        "smallest noise, of the schedule geometric and of sampling; from the data if not given",
                        needs(range));
  table.optional_number("--sigma-max", sigma_max, kSmallest, kLargest,
                        "largest noise, of the schedule geometric and of sampling; from the data if not given",
                        needs(range));
  table.number("--levels", levels, 0, 1 << 24, "number of levels of the schedule geometric; 0: log-uniform",
               needs(geometric));
  const Condition log_normal = chosen("--schedule", schedule, {NoiseSchedule::Kind::log_normal});
  table.optional_number("--log-mean", log_mean, -50, 50,
                        "mean of ln sigma, of the schedule log_normal; from the data if not given", needs(log_normal));
  table.optional_number("--log-deviation", log_deviation, 0, 50,
                        "standard deviation of ln sigma, of the schedule log_normal; from the data if not given",
                        needs(log_normal));
  table
      .choice("--weighting", weighting,
              "weight of each noise level; if not given, for dsm the published one of the parameterization, sigma2 for "
              "other objectives, none without noise",
              always_has_effect())
      .shows_default("");
}

void TrainOptions::add_run(OptionTable& table) {
  table.number("--seed", seed, 0, std::numeric_limits<std::uint64_t>::max(),
               "seed of the split, the parameters and all noise", always_has_effect());
  table.optional_number("--steps", steps, 1, kMaxSteps, "optimizer steps; from the data if not given",
                        always_has_effect());
  table.optional_number("--batch", batch, 1, 1 << 24,
                        "samples per step, drawn with replacement; from the data if not given", always_has_effect());
  table.optional_number("--learning-rate", learning_rate, 0, kLargest,
                        "largest learning rate; from the network's width if not given", always_has_effect());
  table.choice("--rate-schedule", rate_schedule, {"constant", "linear", "cosine"}, "decay of the learning rate",
               always_has_effect());
  table.number("--warmup", warmup, 0, kMaxSteps, "steps of linear increase at the beginning",
               needs({"at least as many --steps", [this] { return warmup <= steps; },
                      [this] { return "--steps " + std::to_string(steps); }}));
  table.number("--weight-decay", weight_decay, 0, kLargest,
               "decoupled weight decay, which tames the network outside the data", always_has_effect());
  table.number("--clip", clip, 0, kLargest, "largest gradient norm; 0: no clipping", always_has_effect());
  table.number("--ema", ema, 0, 0.9999999, "decay of the parameters' average, at most 1 - 5/steps; 0: none",
               always_has_effect(), "an average with decay 1 would stay at the initial parameters");
  table.number("--validation", validation, 0, 0.9, "fraction of the rows held out", always_has_effect());
  table.choice("--select", select, {"auto", "best", "last"},
               "parameters to sample with: the last, or those of the best held-out loss if the last are clearly "
               "worse; auto: best if rows are held out",
               always_has_effect());
  table.number("--patience", patience, 0, kMaxSteps,
               "stop after this many held-out losses, of 20 per run, without a better one; 0: never",
               always_has_effect());
  table.choice(
      "--standardize", standardize, {"auto", "whiten", "column", "scale", "none"},
      "units of the model; whiten: each column centered and scaled, correlations removed; column: centered "
      "and scaled alone; scale: centered, one scale for all; auto: scale for pictures, else whiten, or column if "
      "correlations "
      "are those of modes or of another shape that is not Gaussian",
      always_has_effect());
  table.text("--image", image, "HEIGHTxWIDTH: the columns are the pixels of pictures", always_has_effect());
  table.flag_or_number(
      "--dequantize", dequantize, kWholeNumbers, 0, kLargest,
      "add uniform noise of one step to columns of whole numbers, or, with --dequantize=S, to all columns, "
      "whose values are an offset plus multiples of S",
      always_has_effect());
}

void TrainOptions::add_context(OptionTable& table) {
  table.text("--context-columns", context_columns,
             "columns of the data, by name or by number from 0, separated by commas, that are not modeled but given: a "
             "conditional model",
             always_has_effect());
  table.number("--context-dropout", context_dropout, 0, 0.999,
               "fraction of the samples that are trained on without their context, for sampling with --guidance; 0: "
               "the model always needs a context",
               needs(given("--labels", labels), given("--context-columns", context_columns)));
}

std::map<std::string, std::string> TrainOptions::recorded() const {
  std::map<std::string, std::string> all;
  for (std::size_t i = first_of_run_; i < (is_conditional() ? end_of_context_ : end_of_run_); ++i) {
    const OptionTable::Entry& each = table_->entries()[i];
    all[each.name.substr(2)] = each.value();
  }
  return all;
}

void TrainOptions::take_over(const std::string& path, const std::map<std::string, std::string>& of_the_run) {
  const auto of_run = [&](const OptionTable::Entry& option) {
    const std::string key = option.name.substr(2);
    auto found = of_the_run.find(key);
    if (const char* old_key = old_key_of(key); found == of_the_run.end() && old_key != nullptr)
      found = of_the_run.find(old_key);
    if (found == of_the_run.end())
      throw Error(ErrorCode::io, path, path + ": expected the run's " + option.name + ", got nothing");
    return option.current(found->second);
  };
  const bool is_of_contexts = of_the_run.count("context-dropout") > 0;
  const std::size_t end = is_of_contexts ? end_of_context_ : end_of_run_;
  for (std::size_t i = first_of_run_; i < end; ++i) {
    const OptionTable::Entry& each = table_->entries()[i];
    const std::string wanted = of_run(each);
    if (each.is_given || each.value() == wanted) continue;
    try {
      each.assign(wanted);
    } catch (const CLI::Error& error) {
      throw Error(ErrorCode::io, path, path + ": " + error.what());
    }
  }
  if (is_of_contexts && !is_conditional())
    refuse("--labels", "the classes with which the run in " + path + " was trained", "nothing");
  if (!is_of_contexts && is_conditional())
    refuse(labels.empty() ? "--context-columns" : "--labels", "nothing, like the run in " + path, "one");
  table_->check_needs();
  for (std::size_t i = first_of_run_; i < end; ++i) {
    const OptionTable::Entry& each = table_->entries()[i];
    if (each.is_given && each.name != "--steps" && each.name != "--patience" && each.value() != of_run(each))
      refuse(each.name, of_run(each) + ", like the run in " + path, each.value());
  }
}

void TrainOptions::check(int columns) {
  columns_ = columns;
  table_->check_needs();
  if (!image.empty()) {
    const ImageSize size = parse_image(image);
    if (columns > 0 && std::int64_t{size.height} * size.width != columns)
      refuse("--image", std::to_string(columns) + " values per picture, like the data", image);
  }
  // Levels that are not given are not known yet: see choose_training().
  const bool are_given = is_given("--sigma-min") && is_given("--sigma-max");
  if (are_given && sigma_min > sigma_max)
    refuse_option("--sigma-min", "at most --sigma-max " + number_text(sigma_max), number_text(sigma_min));
  if (schedule == NoiseSchedule::Kind::log_normal && std::abs(log_mean) + 6 * log_deviation > 87)
    refuse_option("--log-deviation", "at most (87 - |--log-mean|) / 6, so that float32 holds sigma",
                  number_text(log_deviation));
  if (select == "best" && validation == 0)
    refuse_option("--select", "auto or last, or rows held out by a --validation above 0", "best with --validation 0");
  if (patience > 0 && validation == 0)
    refuse_option("--patience", "0, or rows held out by a --validation above 0",
                  std::to_string(patience) + " with --validation 0");
  if (!labels.empty() && !context_columns.empty())
    refuse_option("--labels", "either --labels or --context-columns", "both");
  if (has_noise()) return;
  const auto need_noise = [](const std::string& option, auto value) {
    refuse_option("--schedule", "a distribution of sigma, for " + option + " " + name_of(value), "none");
  };
  if (objective == ObjectiveKind::dsm) need_noise("--objective", objective);
  if (parameterization != Parameterization::Kind::plain) need_noise("--parameterization", parameterization);
  if (conditioning != Conditioning::Kind::none) need_noise("--conditioning", conditioning);
  if (weighting != Weighting::Kind::none) need_noise("--weighting", weighting);
}

MlpShape TrainOptions::net(int dim) const {
  const std::vector<int> widths = hidden.empty() ? MlpShape::diffusion(dim).hidden : hidden;
  MlpShape net = net_kind == MlpShape::Kind::energy ? MlpShape::energy(dim, widths, activation)
                                                    : MlpShape::score(dim, widths, activation);
  net.residual = residual;
  net.parameterization = {parameterization, sigma_data};
  net.conditioning.kind = conditioning;
  if (conditioning == Conditioning::Kind::fourier)
    net.conditioning = conditioning::Fourier::random(fourier, fourier_scale, seed);
  if (context_count > 0) net.context = {context_count, context_dropout > 0};
  return net;
}

Loss TrainOptions::loss() const {
  Loss loss{make_objective(objective, projections, distribution), {}, {weighting, sigma_data}};
  if (auto* dsm = std::get_if<Dsm>(&loss.objective)) dsm->variance = variance;
  if (is_conditional()) loss.context_dropout = context_dropout;
  switch (schedule) {
    case NoiseSchedule::Kind::none:
      break;
    case NoiseSchedule::Kind::single:
      loss.schedule = schedule::Single{sigma};
      break;
    case NoiseSchedule::Kind::geometric:
      loss.schedule = schedule::Geometric{sigma_min, sigma_max, levels};
      break;
    case NoiseSchedule::Kind::log_normal:
      loss.schedule = schedule::LogNormal{log_mean, log_deviation};
      break;
    case NoiseSchedule::Kind::vp:
      loss.schedule = schedule::Vp{};
      break;
    case NoiseSchedule::Kind::sub_vp:
      loss.schedule = schedule::SubVp{};
      break;
    case NoiseSchedule::Kind::cosine:
      loss.schedule = schedule::Cosine{};
      break;
    case NoiseSchedule::Kind::rectified_flow:
      loss.schedule = schedule::RectifiedFlow{};
      break;
    case NoiseSchedule::Kind::ddpm:
      loss.schedule = schedule::Ddpm{};
      break;
  }
  return loss;
}

Dequantization TrainOptions::dequantization() const {
  if (dequantize == kWholeNumbers) return {Dequantization::Columns::whole_numbers, 1};
  double step = 0;
  std::from_chars(dequantize.data(), dequantize.data() + dequantize.size(), step);
  if (step == 0) return {};
  return {Dequantization::Columns::all, step};
}

bool TrainOptions::selects_best(std::int64_t held_out_rows) const {
  const std::string rows = "at least one row held out (a larger --validation or more data)";
  if (select == "best" && held_out_rows == 0) refuse("--select", rows + " for best", "none");
  if (patience > 0 && held_out_rows == 0) refuse("--patience", rows, "none");
  return select != "last" && held_out_rows > 0;
}

double TrainOptions::ema_decay() const { return std::clamp(1 - 5 / static_cast<double>(steps), 0.0, ema); }

double TrainOptions::learning_rate_at(std::int64_t step) const {
  const std::int64_t rise = std::min(warmup, steps);
  if (step < rise) return learning_rate * static_cast<double>(step + 1) / static_cast<double>(rise);
  const double t = static_cast<double>(step - rise) / static_cast<double>(std::max<std::int64_t>(steps - rise, 1));
  if (rate_schedule == "linear") return learning_rate * (1 - t);
  if (rate_schedule == "cosine") return learning_rate * 0.5 * (1 + std::cos(kPi * t));
  return learning_rate;
}

}  // namespace scorematch::cli
