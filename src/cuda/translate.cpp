#include "cuda/translate.h"

#include <string>

#include "checks/argument.h"
#include "scorematch/philox.h"

namespace scorematch::cuda {

kernels::Term translated(const Term& term) {
  using Target = kernels::Term::Target;
  kernels::Term to;
  to.point = static_cast<float>(term.point);
  to.quadratic = static_cast<float>(term.quadratic);
  to.target = term.target == Term::Target::noise        ? Target::noise
              : term.target == Term::Target::true_score ? Target::true_score
                                                        : Target::none;
  to.linear = static_cast<float>(term.linear);
  to.complete_square = term.complete_square;
  to.has_directions = term.directions != Term::Directions::none;
  to.weight = static_cast<float>(term.weight);
  to.sliced_square = term.sliced_square;
  return to;
}

Features::Features(const Conditioning& conditioning, Engine::Impl& engine) {
  features_.kind = conditioning.kind;
  features_.count = feature_count(conditioning);
  if (conditioning.kind != Conditioning::Kind::fourier) return;
  const std::vector<double>& frequencies = conditioning.frequencies;
  frequencies_ = upload(engine, frequencies.data(), frequencies.size() * sizeof(double));
  features_.frequencies = static_cast<const double*>(frequencies_.get());
}

void check_noise_offset(const NoiseRef& noise, std::int64_t batch) {
  if (noise.state != nullptr && noise.sample_offset > philox::kMaxSamples - batch)
    throw_invalid("noise.sample_offset", "samples below 2^48",
                  std::to_string(noise.sample_offset) + " past the state's first");
}

}  // namespace scorematch::cuda
