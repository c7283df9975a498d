#include "cli/train_options.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "cli/refusal.h"
#include "spec_plans.h"

namespace scorematch::cli {
namespace {

constexpr double kPi = 3.14159265358979323846;

std::string text_of(const std::string& value) { return value; }
std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(double value) { return number_text(value); }
template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
std::string text_of(T value) {
  return std::to_string(value);
}
std::string text_of(const std::vector<int>& values) {
  std::string text;
  for (const int each : values) text += (text.empty() ? "" : ",") + std::to_string(each);
  return text;
}

constexpr double kSmallest = 1e-30, kLargest = 1e30;

}  // namespace

template <class T>
void TrainOptions::record(const std::string& name, CLI::Option* option, const T& value) {
  recorded_[name.substr(2)] = {option, [&value] { return text_of(value); }};
}

CLI::Option* TrainOptions::choice(CLI::App& command, const std::string& name, std::string& value,
                                  std::vector<std::string> names, const std::string& help) {
  std::string text = help + ": ";
  for (const std::string& each : names) text += (&each == &names[0] ? "" : ", ") + each;
  CLI::Option* option = command.add_option(name, value, text)->check(CLI::IsMember(names))->capture_default_str();
  record(name, option, value);
  return option;
}

template <class T>
CLI::Option* TrainOptions::number(CLI::App& command, const std::string& name, T& value, T low, T high,
                                  const std::string& help) {
  CLI::Option* option = command.add_option(name, value, help)->transform(in_range(low, high))->capture_default_str();
  record(name, option, value);
  return option;
}

void TrainOptions::add_to(CLI::App& command) {
  command
      .add_option("data", data,
                  "[N, d] or more axes: .npy of float32, float64 or uint8, .csv, or IDX, also .gz of these two")
      ->required()
      ->check(not_empty());
  command.add_option("-o,--output", directory, "folder for model.safetensors, loss.csv and loss.png")
      ->required()
      ->check(not_empty());
  engine.add_to(command);
  number(command, "--seed", seed, std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max(),
         "of the split, the parameters and all noise");

  choice(command, "--net", net_kind, {"score", "energy"},
         "what the network gives: the score, or ln p up to a constant");
  record("--hidden",
         command.add_option("--hidden", hidden, "widths of the hidden layers")
             ->delimiter(',')
             ->allow_extra_args(false)  // lest it takes DATA for a width
             ->transform(in_range(1, 1 << 20))
             ->capture_default_str(),
         hidden);
  choice(command, "--activation", activation, {"silu", "softplus", "tanh", "gelu"}, "activation");
  choice(command, "--parameterization", parameterization, {"plain", "ncsn", "noise", "edm"}, "how F becomes a score");
  choice(command, "--conditioning", conditioning, {"none", "log_sigma", "fourier"}, "how sigma enters");
  number(command, "--fourier", fourier, 1, 1 << 16, "Fourier frequencies");
  number(command, "--fourier-scale", fourier_scale, kSmallest, kLargest, "their standard deviation");
  number(command, "--sigma-data", sigma_data, kSmallest, kLargest, "standard deviation the data are scaled to");
  record("--residual", command.add_flag("--residual", residual, "hidden layers of equal width add their input"),
         residual);

  choice(command, "--objective", objective, {"dsm", "ism", "ssm", "ssm_vr"}, "objective");
  choice(command, "--variance", variance, {"plain", "control_variate", "antithetic"}, "variance reduction of dsm");
  number(command, "--projections", projections, 1, 1 << 14, "directions of ssm and ssm_vr");
  choice(command, "--law", law, {"gaussian", "rademacher", "sphere"}, "their law");
  choice(command, "--schedule", schedule, {"none", "single", "geometric", "lognormal"}, "law of sigma");
  number(command, "--sigma", sigma, kSmallest, kLargest, "of the schedule single");
  number(command, "--sigma-min", sigma_min, kSmallest, kLargest, "of the schedule geometric");
  number(command, "--sigma-max", sigma_max, kSmallest, kLargest, "of the schedule geometric");
  number(command, "--levels", levels, 0, 1 << 24, "of the schedule geometric; 0: log-uniform");
  number(command, "--log-mean", log_mean, -50.0, 50.0, "of the schedule lognormal");
  number(command, "--log-deviation", log_deviation, 0.0, 50.0, "of the schedule lognormal");
  choice(command, "--weighting", weighting, {"none", "sigma2", "edm"}, "weight of each noise level");

  number(command, "--steps", steps, std::int64_t{1}, std::int64_t{1} << 40, "optimiser steps");
  number(command, "--batch", batch, 1, 1 << 24, "samples a step, drawn with replacement");
  number(command, "--learning-rate", learning_rate, 0.0, kLargest, "largest learning rate");
  choice(command, "--rate-schedule", rate_schedule, {"constant", "linear", "cosine"}, "its decay");
  number(command, "--warmup", warmup, std::int64_t{0}, std::int64_t{1} << 40, "steps of linear increase first");
  number(command, "--weight-decay", weight_decay, 0.0, kLargest, "decoupled weight decay");
  number(command, "--clip", clip, 0.0, kLargest, "largest gradient norm; 0: no clipping");
  number(command, "--ema", ema, 0.0, 0.9999999, "decay of the parameters' average, at most 1 - 5/steps; 0: none");
  number(command, "--validation", validation, 0.0, 0.9, "share of the rows held out");
  choice(command, "--select", select, {"auto", "best", "last"},
         "parameters to sample with: the last, or those of the best held-out loss where the last are clearly worse; "
         "auto: best if rows are held out");
  number(command, "--patience", patience, std::int64_t{0}, std::int64_t{1} << 40,
         "stop after so many held-out losses, of 20 per run, without a better one; 0: never");
  choice(command, "--standardize", standardize, {"scale", "column", "none"}, "centre and scale the data");
  CLI::Option* flag =
      command
          .add_flag("--dequantize{1}", dequantize,
                    "add uniform noise of one step of the data, which are whole multiples of it: of 1, or of S by "
                    "--dequantize=S")
          ->transform(in_range(0.0, kLargest));
  recorded_["dequantize"] = {flag, [this] { return number_text(dequantization()); }};

  command
      .add_option("--resume", resume,
                  "go on with a run from its folder or checkpoint, to the very numbers it would have had; its options "
                  "are taken over, and --steps may differ")
      ->check(not_empty());
  command.add_option("--checkpoint-every", checkpoint_every, "save also each time so many steps are done; 0: not")
      ->transform(in_range(std::int64_t{0}, std::int64_t{1} << 40))
      ->capture_default_str();
  command
      .add_option("--samples", samples,
                  "samples drawn at the end and compared with the data; 0: none; if not given 2000, fewer where the "
                  "network is large")
      ->transform(in_range(std::int64_t{0}, std::int64_t{1} << 30));
  command.add_option("--stop-after", stop_after, "save and stop once this call has done so many steps; 0: all")
      ->transform(in_range(std::int64_t{0}, std::int64_t{1} << 40))
      ->capture_default_str();
}

std::map<std::string, std::string> TrainOptions::recorded() const {
  std::map<std::string, std::string> all;
  for (const auto& [name, each] : recorded_) all[name] = each.text();
  return all;
}

void TrainOptions::take_over(const std::string& path, const std::map<std::string, std::string>& of_the_run) {
  for (const auto& [name, each] : recorded_) {
    const auto found = of_the_run.find(name);
    if (found == of_the_run.end())
      throw Error(ErrorCode::io, path, path + ": expected the run's --" + name + ", got nothing");
    const std::string &wanted = found->second, given = each.text();
    if (given == wanted || ((name == "steps" || name == "patience") && each.option->count() > 0)) continue;
    if (each.option->count() > 0) refuse("--" + name, wanted + ", as the run in " + path + " has it", given);
    try {
      each.option->add_result(wanted);
      each.option->run_callback();
    } catch (const CLI::Error& error) {
      throw Error(ErrorCode::io, path, path + ": " + error.what());
    }
  }
}

void TrainOptions::check() const {
  if (schedule == "geometric" && sigma_min > sigma_max)
    refuse_option("--sigma-min", "at most --sigma-max " + number_text(sigma_max), number_text(sigma_min));
  if (schedule == "lognormal" && std::abs(log_mean) + 6 * log_deviation > 87)
    refuse_option("--log-deviation", "at most (87 - |--log-mean|) / 6, so that float32 holds sigma",
                  number_text(log_deviation));
  if (select == "best" && validation == 0)
    refuse_option("--select", "auto or last, or rows held out by a --validation above 0", "best with --validation 0");
  if (patience > 0 && validation == 0)
    refuse_option("--patience", "0, or rows held out by a --validation above 0",
                  std::to_string(patience) + " with --validation 0");
  if (schedule != "none") return;
  const auto need_noise = [](const std::string& option, const std::string& value) {
    refuse_option("--schedule", "a law of sigma, for " + option + " " + value, "none");
  };
  if (objective == "dsm") need_noise("--objective", objective);
  if (parameterization != "plain") need_noise("--parameterization", parameterization);
  if (conditioning != "none") need_noise("--conditioning", conditioning);
  if (weighting != "none") need_noise("--weighting", weighting);
}

MlpShape TrainOptions::net(int dim) const {
  MlpShape net = net_kind == "energy" ? MlpShape::energy(dim, hidden, activation_names().at(activation))
                                      : MlpShape::score(dim, hidden, activation_names().at(activation));
  net.residual = residual;
  if (parameterization == "ncsn") net.parameterization = parameterization::Ncsn{};
  if (parameterization == "noise") net.parameterization = parameterization::NoisePrediction{};
  if (parameterization == "edm") net.parameterization = parameterization::Edm{sigma_data};
  if (conditioning == "log_sigma") net.conditioning = conditioning::LogSigma{};
  if (conditioning == "fourier") net.conditioning = conditioning::Fourier::random(fourier, fourier_scale, seed);
  return net;
}

Loss TrainOptions::loss() const {
  std::string text = "objective=" + objective + " schedule=" + schedule + " weighting=" + weighting;
  if (objective == "dsm") text += " variance=" + variance;
  if (objective == "ssm" || objective == "ssm_vr")
    text += " projections=" + std::to_string(projections) + " law=" + law;
  if (schedule == "single") text += " sigma=" + number_text(sigma);
  if (schedule == "geometric")
    text += " sigma_min=" + number_text(sigma_min) + " sigma_max=" + number_text(sigma_max) +
            " levels=" + std::to_string(levels);
  if (schedule == "lognormal")
    text += " log_mean=" + number_text(log_mean) + " log_deviation=" + number_text(log_deviation);
  MetadataReader reader = MetadataReader::of_text("loss", text);
  return read_loss(reader, sigma_data);
}

Standardize TrainOptions::standardization() const {
  return standardize == "none" ? Standardize::none : standardize == "column" ? Standardize::column : Standardize::scale;
}

double TrainOptions::dequantization() const {
  double step = 0;
  std::from_chars(dequantize.data(), dequantize.data() + dequantize.size(), step);
  return step;
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
