#include "cuda/thrust_cases.h"

#include <thrust/reduce.h>
#include <thrust/transform.h>

#include "scorematch/thrust.h"

namespace scorematch::testing_support {
namespace {

struct Twice {
  __device__ float operator()(float value) const { return 2 * value; }
};

}  // namespace

ThrustResult loss_of_vectors(const Engine& engine, const LossPlan& plan, Queue& queue, const std::vector<float>& params,
                             const std::vector<float>& x, std::int64_t batch, NoiseRef noise) {
  const thrust::device_vector<float> params_there = params;
  const thrust::universal_vector<float> x_there(x.begin(), x.end());
  thrust::device_vector<float> grad(params.size());
  auto losses = engine.allocate<float>(batch);
  const Shape shape{batch, static_cast<std::int64_t>(x.size()) / batch};
  plan.run(queue, {view_of(params_there), {view_of(x_there, shape), noise}}, {{}, view_of(grad), {}, losses});

  ThrustResult result;
  const auto range = range_of(losses);
  const float sum = thrust::reduce(policy_of(queue), range.begin(), range.end());
  result.mean_of_losses = static_cast<double>(sum) / static_cast<double>(batch);
  thrust::transform(policy_of(queue), range.begin(), range.end(), range.begin(), Twice());
  const float doubled = thrust::reduce(policy_of(queue), range.begin(), range.end());
  result.sees_sum = doubled == 2 * sum;
  result.grad.resize(grad.size());
  queue.synchronize();  // copies of Thrust go through the default stream
  thrust::copy(grad.begin(), grad.end(), result.grad.begin());
  return result;
}

}  // namespace scorematch::testing_support
