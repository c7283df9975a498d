// What SamplerPlan needs of a sampler: its noise levels, its scratch arrays, and one run over the levels. A sampler is
// one file in this folder and one line in make_sampler_method().
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "engine/backend.h"
#include "samplers/noise_levels.h"
#include "samplers/working_arrays.h"
#include "scorematch/sampler.h"

namespace scorematch {

/// The arrays and operations of a run. Arrays are [N, d], dense, in engine memory and of its working type.
struct SamplerRun {
  View x;                     // in: the given x if starts_from_x(), else nothing; out: the samples
  std::vector<View> scratch;  // scratch_count() of them
  std::vector<View> values;   // value_count() of [N]; out: values[0] is the fraction accepted, if the sampler rejects
  std::function<void(ConstView x, std::int64_t level, View score)> score;  // at sigmas()[level]
  std::function<void(ConstView x, std::int64_t level, View score, View log_density)> score_and_log_density;
  std::function<void(const SamplerUpdate&)> update;  // the plan sets `noise`
  std::function<void(MetropolisStep)> metropolis;    // the plan sets `noise`
};

class SamplerMethod {
 public:
  virtual ~SamplerMethod() = default;
  /// Every noise level that run() uses, each > 0; none if the network ignores sigma.
  virtual std::vector<double> sigmas() const = 0;
  virtual int scratch_count() const = 0;
  virtual int value_count() const { return 0; }
  virtual bool starts_from_x() const { return false; }
  virtual void run(const SamplerRun& run) const = 0;
};

/// x = deviation z, the start of a run.
inline SamplerUpdate start_at(const View& x, double deviation) {
  SamplerUpdate start;
  start.out = x;
  start.noise_factor = deviation;
  start.index = SamplerUpdate::kInitial;
  return start;
}

/// @throws Error for options out of range.
std::unique_ptr<SamplerMethod> make_langevin(const Langevin& options);
std::unique_ptr<SamplerMethod> make_annealed_langevin(const AnnealedLangevin& options);
std::unique_ptr<SamplerMethod> make_probability_flow(const ProbabilityFlow& options);
std::unique_ptr<SamplerMethod> make_reverse_sde(const ReverseSde& options);

}  // namespace scorematch
