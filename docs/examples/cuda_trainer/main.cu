// A training program with its own stream, memory, data and optimizer on the device. The library computes the loss and
// the gradient. One step is recorded as a graph and replayed. With an affine network the result is known: s(x) = -S^-1
// (x - m), where m is the mean and S the covariance of the data (Hyvarinen 2005, section 3.1).
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "scorematch/error.h"
#include "scorematch/loss.h"

namespace sm = scorematch;

namespace {

constexpr int kDim = 2, kRows = 4000, kParams = kDim * kDim + kDim, kSteps = 1000;

void check(cudaError_t status, const char* doing) {
  if (status == cudaSuccess) return;
  std::fprintf(stderr, "%s: %s\n", doing, cudaGetErrorString(status));
  std::exit(1);
}

/// A sheared rectangle of points about (0.5, 0.3). [kRows, kDim]
__global__ void make_data(float* x) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= kRows) return;
  const float a = static_cast<float>(i % 50) / 24.5f - 1.0f, b = static_cast<float>(i / 50) / 39.5f - 1.0f;
  x[kDim * i] = 0.5f + a;
  x[kDim * i + 1] = 0.3f + 0.6f * a + b;
}

/// Gradient descent with momentum.
__global__ void descend(float* params, float* momentum, const float* grad) {
  const int i = static_cast<int>(threadIdx.x);
  momentum[i] = 0.9f * momentum[i] + grad[i];
  params[i] -= 0.1f * momentum[i];
}

/// {W, b} of the score of the Gaussian with the data's mean and covariance, in the layout of the network's parameters.
std::vector<double> exact_params(const std::vector<float>& data) {
  double m[2] = {}, s00 = 0, s01 = 0, s11 = 0;
  for (std::size_t i = 0; i < data.size(); ++i) m[i % 2] += static_cast<double>(data[i]) / kRows;
  for (std::size_t i = 0; i < data.size(); i += 2) {
    const double a = static_cast<double>(data[i]) - m[0], b = static_cast<double>(data[i + 1]) - m[1];
    s00 += a * a / kRows, s01 += a * b / kRows, s11 += b * b / kRows;
  }
  const double det = s00 * s11 - s01 * s01, w00 = -s11 / det, w01 = s01 / det, w11 = -s00 / det;
  return {w00, w01, w01, w11, -(w00 * m[0] + w01 * m[1]), -(w01 * m[0] + w11 * m[1])};
}

/// Allocates the program's own device memory.
template <class T>
T* take(std::size_t count) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, count * sizeof(T)), "allocating");
  check(cudaMemset(memory, 0, count * sizeof(T)), "clearing");
  return static_cast<T*>(memory);
}

int train(const sm::Engine& engine) {
  const sm::MlpShape net = sm::MlpShape::score(kDim, /*hidden=*/{});
  const sm::LossPlan plan(engine, net, {sm::Ism{}}, kRows);

  cudaStream_t stream;
  check(cudaStreamCreate(&stream), "creating a stream");
  auto *x = take<float>(kRows * kDim), *params = take<float>(kParams), *momentum = take<float>(kParams),
       *grad = take<float>(kParams);
  auto* loss = take<sm::Estimate>(1);
  auto* scratch = take<char>(plan.workspace_bytes());
  sm::Queue queue(engine, scratch, plan.workspace_bytes(), stream);
  make_data<<<(kRows + 255) / 256, 256, 0, stream>>>(x);

  cudaGraph_t graph;
  cudaGraphExec_t step;
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "recording");
  plan.run(queue, {sm::ConstView(params, kParams), {sm::ConstView(x, {kRows, kDim})}}, {loss, sm::View(grad, kParams)});
  descend<<<1, kParams, 0, stream>>>(params, momentum, grad);
  check(cudaStreamEndCapture(stream, &graph), "recording");
  check(cudaGraphInstantiate(&step, graph, 0), "making the graph");
  for (int i = 0; i < kSteps; ++i) check(cudaGraphLaunch(step, stream), "launching a step");

  std::vector<float> data(kRows * kDim), found(kParams);
  check(cudaMemcpyAsync(data.data(), x, data.size() * sizeof(float), cudaMemcpyDeviceToHost, stream), "copying");
  check(cudaMemcpyAsync(found.data(), params, found.size() * sizeof(float), cudaMemcpyDeviceToHost, stream), "copying");
  check(cudaStreamSynchronize(stream), "training");

  double worst = 0;
  const std::vector<double> exact = exact_params(data);
  for (std::size_t i = 0; i < exact.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(found[i]) - exact[i]));
  std::printf("the parameters are within %.1e of the exact ones\n", worst);

  check(cudaGraphExecDestroy(step), "freeing");
  check(cudaGraphDestroy(graph), "freeing");
  for (void* each : {static_cast<void*>(x), static_cast<void*>(params), static_cast<void*>(momentum),
                     static_cast<void*>(grad), static_cast<void*>(loss), static_cast<void*>(scratch)})
    check(cudaFree(each), "freeing");
  check(cudaStreamDestroy(stream), "freeing");
  return worst < 1e-3 ? 0 : 1;
}

}  // namespace

int main() {
  try {
    return train(sm::Engine::cuda());
  } catch (const sm::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.code() == sm::ErrorCode::device_unavailable ? 77 : 1;
  }
}
