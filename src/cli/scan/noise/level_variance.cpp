#include "cli/scan/noise/level_variance.h"

#include <algorithm>

#include "formats/spec_text.h"

namespace scorematch::cli {
namespace {

constexpr std::int64_t kBatch = 64;
constexpr int kProbes = 64, kFewestProbes = 16;
constexpr double kMostWork = 100;
constexpr std::int64_t kProbeValues = std::int64_t{1} << 27;  // of all gradients: 512 MB

}  // namespace

const std::vector<Estimator>& estimators() {
  static const std::vector<Estimator> all = {{"dsm", Dsm{}},
                                             {"control_variate", Dsm{Dsm::Variance::control_variate}},
                                             {"antithetic", Dsm{Dsm::Variance::antithetic}},
                                             {"ssm_vr", SsmVr{1, Projection::gaussian}}};
  return all;
}

LevelVariance measure_level(const Subject& subject, double sigma, double work, std::uint64_t seed) {
  const auto held = static_cast<double>(kProbeValues / subject.net.param_count());
  const int probes = std::max(kFewestProbes, static_cast<int>(std::min(kProbes * std::min(work, kMostWork), held)));
  auto params = subject.engine.upload(subject.params);
  auto rows = subject.engine.upload(subject.rows.values, {subject.rows.rows, subject.rows.cols});
  LevelVariance level{sigma, subject.net.dim / (2 * sigma * sigma), {}};
  for (const Estimator& each : estimators()) {
    end_if_interrupted();
    const Loss loss{each.objective, schedule::Single{sigma}};
    const GradientVariance variance(subject.engine, subject.net, loss, kBatch, probes);
    Queue queue(subject.engine, variance.workspace_bytes());
    level.moments.push_back(variance.measure(queue, params, rows, seed));
  }
  return level;
}

Phrase describe_level(const LevelVariance& level) {
  std::string text = "sigma " + short_text(level.sigma, 3) + ": d/(2 sigma^2) " + short_text(level.constant, 3);
  Members members{{"sigma", level.sigma}, {"constant", level.constant}};
  for (std::size_t i = 0; i < level.moments.size(); ++i) {
    const GradientMoments& got = level.moments[i];
    text += std::string(", ") + estimators()[i].name + " " + short_text(got.trace.value, 3) + " (" +
            short_text(got.signal_to_noise.value, 2) + ")";
    members.push_back({estimators()[i].name, Members{{"variance", got.trace.value},
                                                     {"variance_error", got.trace.standard_error},
                                                     {"signal_to_noise", got.signal_to_noise.value},
                                                     {"signal_to_noise_error", got.signal_to_noise.standard_error}}});
  }
  return text + silent("levels", members);
}

ScanTable table_of(const std::vector<LevelVariance>& levels) {
  ScanTable table{"sigma,estimator,constant,variance,variance_error,signal_to_noise,signal_to_noise_error", {}};
  for (const LevelVariance& level : levels)
    for (std::size_t i = 0; i < level.moments.size(); ++i) {
      const GradientMoments& got = level.moments[i];
      const bool has_constant = i == 0;  // the others leave it out
      std::string line = number_text(level.sigma) + "," + estimators()[i].name + "," +
                         (has_constant ? number_text(level.constant) : "");
      for (const double each :
           {got.trace.value, got.trace.standard_error, got.signal_to_noise.value, got.signal_to_noise.standard_error})
        line += "," + number_text(each);
      table.lines.push_back(line);
    }
  return table;
}

}  // namespace scorematch::cli
