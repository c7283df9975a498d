// Adam (Kingma & Ba 2015, algorithm 1) with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2):
//
//   g <- grad / loss_scale, clipped to max_grad_norm
//   m <- beta1 m + (1 - beta1) g          v <- beta2 v + (1 - beta2) g^2
//   theta <- theta - rate weight_decay theta - rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)
//   ema <- decay ema + (1 - decay) theta
//
// where rate and weight_decay have the factors of the parameter's range. All arrays are [P], float. Three launches: at
// most 256 blocks form partial sums of g^2; one block adds them in order and computes the constants of the step in
// device memory, so that a captured step advances; and one pass, one element per thread, updates all arrays. Arithmetic
// is in double throughout: the pass is limited by its bytes, and float rounding would matter beside small updates.
// Shared memory of the first two: kThreads doubles. Bytes: 4 P, then 28 P, or 36 P with an average. Sums depend only on
// P.
#include "device/element.cuh"
#include "device/launch.h"
#include "device/smem.cuh"
#include "launchers.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 5;  // per multiprocessor: the register budget, 48 per thread
constexpr int kMaxPartialBlocks = 256;

/// The constants of a step, for the pass over the arrays.
struct Step {
  double scale;  // factor of the gradient: clipping factor / loss_scale
  double rate, bias1, bias2;
  int skip, first;
};

struct Scratch {
  double partial[kMaxPartialBlocks];
  Step step;
};

/// The sum over the block, in a tree of fixed shape; valid only in thread 0. `shared` is [kThreads]. Synchronizes.
SCOREMATCH_DEVICE double block_sum(double value, double* shared) {
  const int thread = static_cast<int>(threadIdx.x);
  shared[thread] = value;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread < half) shared[thread] += shared[thread + half];
  }
  return thread == 0 ? shared[0] : 0.0;  // thread 0 has just written it; others would need a barrier
}

__global__ void __launch_bounds__(kThreads, kResidentBlocks) square_sum_kernel(AdamParams p) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  double* shared = carve.take<double>(kThreads);
  const int thread = static_cast<int>(threadIdx.x);
  double square = 0.0;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + thread; i < p.count;
       i += static_cast<std::int64_t>(gridDim.x) * kThreads) {
    const double g = static_cast<double>(p.grad[i]) / p.loss_scale;
    square += g * g;
  }
  square = block_sum(square, shared);
  if (thread == 0) static_cast<Scratch*>(p.scratch)->partial[blockIdx.x] = square;
}

__global__ void __launch_bounds__(kThreads, kResidentBlocks) settle_kernel(AdamParams p, int partial_blocks) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  double* shared = carve.take<double>(kThreads);
  const int thread = static_cast<int>(threadIdx.x);
  Scratch& scratch = *static_cast<Scratch*>(p.scratch);
  const double square = block_sum(thread < partial_blocks ? scratch.partial[thread] : 0.0, shared);
  if (thread != 0) return;
  AdamProgress progress = *p.progress;
  Step step{1.0 / p.loss_scale, progress.learning_rate, 1.0, 1.0, 0, 0};
  step.first = progress.step == 0 && progress.skipped == 0 ? 1 : 0;
  progress.grad_norm = sqrt(square);
  double clip = 1.0;
  if (p.options.max_grad_norm > 0.0 && progress.grad_norm > p.options.max_grad_norm)
    clip = p.options.max_grad_norm / progress.grad_norm;
  // Moments are stored in float: a larger square would become a permanent infinity in the second one.
  constexpr double kLargestSquare = 3.4028234663852886e38;
  if (!isfinite(square) || clip * clip * square > kLargestSquare) {
    step.skip = 1;
    ++progress.skipped;
  } else {
    const double t = static_cast<double>(++progress.step);
    step.scale = clip / p.loss_scale;
    step.bias1 = 1.0 - pow(p.options.beta1, t);
    step.bias2 = 1.0 - pow(p.options.beta2, t);
  }
  scratch.step = step;
  *p.progress = progress;
}

/// The range of parameter i, by bisection. The table is small and read by all threads, so it is in the cache.
SCOREMATCH_DEVICE AdamRange range_of(const AdamParams& p, std::int64_t i) {
  int low = 0, high = p.range_count - 1;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (i < p.ranges[middle].end)
      high = middle;
    else
      low = middle + 1;
  }
  return p.ranges[low];
}

__global__ void __launch_bounds__(kThreads, kResidentBlocks) adam_kernel(AdamParams p) {
  const Step step = static_cast<const Scratch*>(p.scratch)->step;
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (i >= p.count) return;
  double theta = static_cast<double>(p.params[i]);
  double ema = p.ema == nullptr ? 0.0 : step.first != 0 ? theta : static_cast<double>(p.ema[i]);
  if (step.skip == 0) {
    const AdamOptions& o = p.options;
    const AdamRange range = range_of(p, i);
    const double rate = step.rate * range.learning_rate, weight_decay = o.weight_decay * range.weight_decay;
    const double g = step.scale * static_cast<double>(p.grad[i]);
    const double m = o.beta1 * static_cast<double>(p.first_moment[i]) + (1.0 - o.beta1) * g;
    const double v = o.beta2 * static_cast<double>(p.second_moment[i]) + (1.0 - o.beta2) * g * g;
    theta -= rate * weight_decay * theta + rate * m / step.bias1 / (sqrt(v / step.bias2) + o.epsilon);
    p.first_moment[i] = static_cast<float>(m);
    p.second_moment[i] = static_cast<float>(v);
    p.params[i] = static_cast<float>(theta);
    ema = o.ema_decay * ema + (1.0 - o.ema_decay) * theta;
  }
  if (p.ema != nullptr) p.ema[i] = static_cast<float>(ema);
}

}  // namespace

std::size_t adam_scratch_bytes() { return sizeof(Scratch); }

int launch_adam(const AdamParams& params, CUstream_st* stream) {
  static_assert(kMaxPartialBlocks == kThreads, "one partial sum per thread of the second launch");
  const std::size_t shared = shared_bytes<double>(kThreads);
  const auto blocks = static_cast<unsigned>((params.count + kThreads - 1) / kThreads);
  const unsigned partial_blocks = blocks < kMaxPartialBlocks ? blocks : kMaxPartialBlocks;
  int status = launch(square_sum_kernel, {partial_blocks, 1, kThreads, shared}, stream, params);
  if (status == 0)
    status = launch(settle_kernel, {1, 1, kThreads, shared}, stream, params, static_cast<int>(partial_blocks));
  if (status != 0) return status;
  return launch(adam_kernel, {blocks, 1, kThreads, 0}, stream, params);
}

}  // namespace kernels
}  // namespace scorematch
