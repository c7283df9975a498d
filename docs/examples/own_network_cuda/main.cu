// Denoising and sliced score matching of the caller's own network on a GPU, with the caller's stream. Nothing is copied
// to the host in a step. The arrays are Thrust's, and the directions come from the caller's cuRAND generator. After
// every step, the library's own network with the same parameters must have given the same gradient.
//   own_network_cuda [STEPS]
#include <thrust/copy.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

#include "device_network.cuh"
#include "scorematch/curand.h"
#include "scorematch/head.h"
#include "scorematch/loss.h"
#include "scorematch/perturbation.h"
#include "scorematch/thrust.h"

namespace sm = scorematch;

namespace {

using Array = own::DeviceNetwork::Array;

constexpr int kDim = 3, kHidden = 32, kBatch = 256;

/// Correlated, with a spread of about 1. [kBatch, kDim]
std::vector<float> make_data() {
  std::vector<float> data;
  for (int i = 0; i < kBatch; ++i) {
    const float t = static_cast<float>(i);
    const float a = std::sin(0.7f * t), b = std::sin(1.9f * t), c = std::sin(3.1f * t);
    data.insert(data.end(), {a + 0.5f * b, b - 0.3f * c, 1.2f * c});
  }
  return data;
}

float* data(Array& array) { return thrust::raw_pointer_cast(array.data()); }

/// The losses of a training run, and how far its gradients are from the library's, relative to their largest element.
struct Run {
  double first = 0, last = 0, difference = 0;

  void add(int step, const sm::Estimate& loss) { (step == 0 ? first : last) = loss.mean; }
  void compare(const Array& ours, const Array& library) {
    const std::vector<float> a = to_host(ours), b = to_host(library);
    float largest = 0, apart = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      largest = std::max(largest, std::abs(b[i]));
      apart = std::max(apart, std::isfinite(a[i] - b[i]) ? std::abs(a[i] - b[i]) : INFINITY);
    }
    difference = std::max(difference, static_cast<double>(apart / largest));
  }
  static std::vector<float> to_host(const Array& from) {
    std::vector<float> to(from.size());
    thrust::copy(from.begin(), from.end(), to.begin());
    return to;
  }
  /// Float32 in three layers: a few hundred roundings of 6e-8. @param fall how much a long run lowers the loss
  bool is_right(const char* name, int steps, double fall) const {
    std::printf("%s: loss %.4f at first, %.4f at last; gradients within %.1e of the library's\n", name, first, last,
                difference);
    return difference < 1e-4 && (steps < 100 || last < first - fall);
  }
};

/// F predicts the noise: s = -F / sigma, and with this weighting the loss is 1/2 |F - eps|^2.
Run train_by_denoising(const sm::Engine& engine, cudaStream_t stream, int steps) {
  const sm::parameterization::NoisePrediction parameterization{};
  const sm::conditioning::LogSigma conditioning{};
  const sm::Loss spec{sm::Dsm{}, sm::schedule::Geometric{/*sigma_min=*/0.05, /*sigma_max=*/2.0},
                      sm::weighting::Sigma2{}};
  const sm::PerturbPlan perturb(engine, kDim, spec.schedule, kBatch, parameterization, conditioning);
  const sm::HeadPlan head(engine, kDim, spec, kBatch, parameterization);
  sm::MlpShape same_net = sm::MlpShape::score(kDim, {kHidden}, sm::Activation::tanh);
  same_net.parameterization = parameterization;
  same_net.conditioning = conditioning;
  const sm::LossPlan same_loss(engine, same_net, spec, kBatch);
  sm::Queue queue(engine, std::max(head.workspace_bytes(), same_loss.workspace_bytes()), stream);

  own::DeviceNetwork net(kDim + 1, kHidden, kDim, kBatch, /*seed=*/1, stream);
  Array x = make_data(), net_input(kBatch * (kDim + 1)), output(kBatch * kDim), grad_output(kBatch * kDim),
        same_grad(net.params().size());
  const sm::Shape shape{kBatch, kDim};
  auto loss = engine.allocate<sm::Estimate>();
  sm::NoiseState noise(engine, /*seed=*/2);
  const sm::Batch batch{sm::view_of(x, shape), noise};

  Run run;
  for (int step = 0; step < steps; ++step) {
    same_loss.run(queue, {sm::view_of(net.params()), batch}, {nullptr, sm::view_of(same_grad)});  // for the comparison

    perturb.run(queue, batch, {sm::view_of(net_input, {kBatch, kDim + 1})});
    net.forward(data(net_input), data(output));
    head.run(queue, {{{}, noise}, sm::view_of(output, shape)}, {loss, sm::view_of(grad_output, shape)});
    net.clear_grad();
    net.backward(data(grad_output));
    run.add(step, queue.read_one(loss));  // waits, as does the comparison: a trainer does this every now and then
    run.compare(net.grad(), same_grad);
    net.descend(/*rate=*/0.1f);
    noise.advance(queue);
  }
  return run;
}

/// The network gives F = s and the products (ds/dx) v.
Run train_by_slicing(const sm::Engine& engine, cudaStream_t stream, int steps) {
  const sm::SsmVr objective{/*projections=*/1, sm::Projection::rademacher};
  const sm::HeadPlan head(engine, kDim, {objective}, kBatch);
  const sm::MlpShape same_net = sm::MlpShape::score(kDim, {kHidden}, sm::Activation::tanh);
  const sm::LossPlan same_loss(engine, same_net, {objective}, kBatch);
  sm::Queue queue(engine, std::max(head.workspace_bytes(), same_loss.workspace_bytes()), stream);
  curandGenerator_t generator;
  sm::check_curand(curandCreateGenerator(&generator, CURAND_RNG_PSEUDO_PHILOX4_32_10), "making a generator");
  sm::check_curand(curandSetPseudoRandomGeneratorSeed(generator, 2), "seeding a generator");

  own::DeviceNetwork net(kDim, kHidden, kDim, kBatch, /*seed=*/1, stream);
  Array x = make_data(), directions(kBatch * kDim), output(kBatch * kDim), grad_output(kBatch * kDim),
        jvp(kBatch * kDim), grad_jvp(kBatch * kDim), same_grad(net.params().size());
  const sm::Shape shape{kBatch, kDim}, along{1, kBatch, kDim};
  auto loss = engine.allocate<sm::Estimate>();

  Run run;
  for (int step = 0; step < steps; ++step) {
    sm::draw_directions(queue, generator, objective.distribution, sm::view_of(directions, along));
    sm::Batch batch;
    batch.directions = sm::view_of(directions, along);
    sm::HeadPlan::In in{batch, sm::view_of(output, shape), sm::view_of(jvp, along)};
    batch.x = sm::view_of(x, shape);
    same_loss.run(queue, {sm::view_of(net.params()), batch}, {nullptr, sm::view_of(same_grad)});  // for the comparison

    net.forward(data(x), data(output));
    net.tangent(data(directions), data(jvp));
    head.run(queue, in, {loss, sm::view_of(grad_output, shape), sm::view_of(grad_jvp, along)});
    net.clear_grad();
    net.backward(data(grad_output));
    net.tangent_backward(data(grad_jvp));
    run.add(step, queue.read_one(loss));
    run.compare(net.grad(), same_grad);
    net.descend(/*rate=*/0.05f);
  }
  queue.synchronize();
  sm::check_curand(curandDestroyGenerator(generator), "freeing a generator");
  return run;
}

}  // namespace

int main(int argc, char** argv) try {
  const int steps = argc > 1 ? std::atoi(argv[1]) : 300;
  const sm::Engine engine = sm::Engine::cuda();
  cudaStream_t stream;
  if (cudaStreamCreate(&stream) != cudaSuccess) throw std::runtime_error("no stream");
  const bool denoised = train_by_denoising(engine, stream, steps).is_right("denoising", steps, 0.1);
  const bool sliced = train_by_slicing(engine, stream, steps).is_right("sliced", steps, 0.5);
  cudaStreamDestroy(stream);
  return denoised && sliced ? 0 : 1;
} catch (const sm::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return error.code() == sm::ErrorCode::device_unavailable ? 77 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
