#include "cuda/translate.h"

#include <string>

#include "checks/argument.h"
#include "model/noise_process.h"
#include "scorematch/philox.h"

namespace scorematch::cuda {

Features::Features(const Conditioning& conditioning, Engine::Impl& engine) {
  features_.kind = conditioning.kind;
  features_.count = feature_count(conditioning);
  if (conditioning.kind != Conditioning::Kind::fourier) return;
  const std::vector<double>& frequencies = conditioning.frequencies;
  frequencies_ = upload(engine, frequencies.data(), frequencies.size() * sizeof(double));
  features_.frequencies = static_cast<const double*>(frequencies_.get());
}

NoiseLevels::NoiseLevels(const NoiseSchedule& schedule, Engine::Impl& engine) : schedule_(schedule) {
  const std::vector<double> table = noise_table_of(schedule);
  if (!table.empty()) table_ = upload(engine, table.data(), table.size() * sizeof(double));
}

kernels::SigmaSource NoiseLevels::source(const ConstView& given) const {
  return kernels::sigma_source(schedule_, floats(given), given.shape.extent[0] == 1 ? 0 : 1,
                               static_cast<const double*>(table_.get()));
}

void check_noise_offset(const NoiseRef& noise, std::int64_t batch) {
  if (noise.state != nullptr && noise.sample_offset > philox::kMaxSamples - batch)
    throw_invalid("noise.sample_offset", "samples below 2^48",
                  std::to_string(noise.sample_offset) + " past the state's first sample");
}

}  // namespace scorematch::cuda
