// The perturbation alone, and directions alone: one launch for a batch of any size.
#include "cuda/programs.h"
#include "cuda/runtime/status.h"
#include "cuda/translate.h"

namespace scorematch::cuda {
namespace {

class CudaPerturb final : public PerturbProgram {
 public:
  CudaPerturb(const PerturbSpec& spec, const Context& context)
      : spec_(spec),
        device_(context.device),
        features_(spec.conditioning, context.engine),
        levels_(spec.schedule, context.engine) {}

  void run(Queue::Impl& queue, const Batch& in, const PerturbOut& out, std::int64_t batch) const override {
    check_noise_offset(in.noise, batch);
    kernels::PerturbParams p;
    p.data = data_rows(in);
    p.noise = translated(in.noise);
    p.sigma = levels_.source(in.sigma);
    p.eps = {spec_.perturbed, table_of(in.eps)};
    p.parameterization = spec_.parameterization;
    p.features = features_.get();
    p.context = context_source(in, spec_.context, spec_.context_dropout);
    p.dim = spec_.dim;
    p.batch = p.rows = batch;
    p.net_input = out.net_input.data, p.net_stride = out.net_input.stride[0];
    p.net_columns = out.net_input.empty() ? 0 : spec_.dim + features_.get().count + p.context.total;
    p.sigma_out = floats(out.sigma);
    p.x_tilde = floats(out.x_tilde), p.x_tilde_stride = out.x_tilde.stride[0];
    p.eps_out = floats(out.eps), p.eps_stride = out.eps.stride[0];
    const UseDevice use(device_);
    check_launch(kernels::launch_perturb(p, kernels::Element::f32, queue.stream), "perturb");
  }

 private:
  PerturbSpec spec_;
  const Device& device_;
  Features features_;
  NoiseLevels levels_;
};

class CudaDirection final : public DirectionProgram {
 public:
  CudaDirection(const DirectionSpec& spec, const Context& context) : spec_(spec), device_(context.device) {}

  void run(Queue::Impl& queue, const NoiseRef& noise, const View& out, std::int64_t batch) const override {
    check_noise_offset(noise, batch);
    constexpr int kMostALaunch = 32768;  // a grid's second extent is below 65536
    const UseDevice use(device_);
    for (int first = 0; first < spec_.projections; first += kMostALaunch) {
      kernels::DirectionsParams p;
      p.source = spec_.unit_vectors ? basis() : direction_source({}, spec_.distribution);
      p.noise = translated(noise);
      p.dim = p.columns = spec_.dim;
      p.first_direction = spec_.first + first, p.count = std::min(kMostALaunch, spec_.projections - first);
      p.batch = p.rows = batch;
      p.out = floats(out) + first * out.stride[0];
      p.plane = out.stride[0], p.stride = out.stride[1];
      check_launch(kernels::launch_directions(p, kernels::Element::f32, queue.stream), "directions");
    }
  }

 private:
  DirectionSpec spec_;
  const Device& device_;
};

}  // namespace

std::unique_ptr<PerturbProgram> make_perturb(const PerturbSpec& spec, const Context& context) {
  return std::make_unique<CudaPerturb>(spec, context);
}

std::unique_ptr<DirectionProgram> make_direction(const DirectionSpec& spec, const Context& context) {
  return std::make_unique<CudaDirection>(spec, context);
}

}  // namespace scorematch::cuda
