// The perturbation alone: x_tilde, sigma, eps and the network's input; directions.
#include "reference/arrays.h"
#include "reference/programs.h"

namespace scorematch::reference {
namespace {

class ReferencePerturb final : public PerturbProgram {
 public:
  explicit ReferencePerturb(const PerturbSpec& spec) : spec_(spec) {}

  void run(Queue::Impl&, const Batch& in, const PerturbOut& out, std::int64_t batch) const override {
    check_host_values(in, batch, spec_.context.columns);
    const RowIndex row_of(in);
    const ContextRows context_row(in, spec_.context, spec_.context_dropout);
    for (std::int64_t n = 0; n < batch; ++n) {
      const double sigma = sigma_of(in, spec_.schedule, n), c = coefficients(spec_.parameterization, sigma).c;
      const std::vector<double> eps = spec_.perturbed ? eps_of(in, spec_.dim, n) : std::vector<double>();
      const std::vector<double> x_tilde = perturbed(row(in.x, row_of(n)), 1, sigma, eps);
      std::vector<double> input;
      for (const double each : x_tilde) input.push_back(c * each);
      put(out.net_input, n,
          extended(extended(input, features(spec_.conditioning, sigma)),
                   context_of(in, spec_.context, context_row(n))));
      put_element(out.sigma, n, sigma);
      put(out.x_tilde, n, x_tilde);
      put(out.eps, n, eps);
    }
  }

 private:
  PerturbSpec spec_;
};

class ReferenceDirection final : public DirectionProgram {
 public:
  explicit ReferenceDirection(const DirectionSpec& spec) : spec_(spec) {}

  void run(Queue::Impl&, const NoiseRef& noise, const View& out, std::int64_t batch) const override {
    check_noise_range(noise, batch);
    for (int m = 0; m < spec_.projections; ++m)
      for (std::int64_t n = 0; n < batch; ++n) put(out, n, direction(noise, n, spec_.first + m), m);
  }

 private:
  std::vector<double> direction(const NoiseRef& noise, std::int64_t n, int m) const {
    if (!spec_.unit_vectors)
      return draw_direction(SampleNoise(noise, n), spec_.dim, spec_.distribution, static_cast<std::uint32_t>(m));
    std::vector<double> unit(static_cast<std::size_t>(spec_.dim), 0.0);
    unit[static_cast<std::size_t>(m)] = 1;
    return unit;
  }

  DirectionSpec spec_;
};

}  // namespace

std::unique_ptr<PerturbProgram> make_perturb(const PerturbSpec& spec) {
  return std::make_unique<ReferencePerturb>(spec);
}

std::unique_ptr<DirectionProgram> make_direction(const DirectionSpec& spec) {
  return std::make_unique<ReferenceDirection>(spec);
}

}  // namespace scorematch::reference
