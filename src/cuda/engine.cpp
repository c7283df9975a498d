// The engine for NVIDIA GPUs: hand-written kernels around cuBLASLt's matrix products, on the caller's stream.
#include "checks/argument.h"
#include "cuda/programs.h"
#include "cuda/runtime/status.h"
#include "launchers.h"
#include "model/names.h"
#include "model/network.h"
#include "scorematch/error.h"

namespace scorematch {
namespace {

using cuda::check;
using cuda::UseDevice;

/// Makes the program for the route. Energy nets are always layered. Score nets are narrow or fused if the route allows
/// it and a kernel supports the net, else layered.
template <class Program, class Spec>
std::unique_ptr<Program> make_routed(const Spec& spec, const cuda::Context& context,
                                     std::unique_ptr<Program> (*fused)(const Spec&, const cuda::Context&),
                                     std::unique_ptr<Program> (*layered)(const Spec&, const cuda::Context&),
                                     std::unique_ptr<Program> (*energy)(const Spec&, const cuda::Context&)) {
  const Route route = spec.compute.route;
  if (spec.net.kind == MlpShape::Kind::energy) {
    if (route == Route::fused || route == Route::narrow)
      throw Error(ErrorCode::unsupported, "compute.route",
                  std::string("compute.route: expected automatic or layered for an energy net, got ") + name_of(route));
    return energy(spec, context);
  }
  if (route != Route::layered)
    if (std::unique_ptr<Program> program = fused(spec, context)) return program;
  if (route == Route::fused || route == Route::narrow)
    throw Error(
        ErrorCode::unsupported, "compute.route",
        std::string("compute.route: expected automatic or layered for this network (fused kernels support 1 to 11 "
                    "hidden layers at most 256 wide, if shared memory holds a tile), got ") +
            name_of(route));
  return layered(spec, context);
}

/// Its directions depend on all earlier ones of a sample.
void refuse_orthogonal(Projection distribution) {
  if (distribution == Projection::orthogonal)
    throw Error(ErrorCode::unsupported, "distribution",
                "distribution: expected any but orthogonal on the cuda engine, got orthogonal; hadamard and "
                "coordinates are without replacement too");
}

/// Waiting or allocating would invalidate a capture, and the error would appear far from its cause.
void refuse_capture(const Queue::Impl& queue, const char* what) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(queue.stream, &status), "querying whether the stream is being captured");
  if (status != cudaStreamCaptureStatusNone)
    throw_invalid("queue.stream", std::string("a stream that is not being captured, because ") + what, "one that is");
}

struct CudaEngine final : Engine::Impl {
  explicit CudaEngine(const cuda::Device& device_)
      : Engine::Impl(Engine::Kind::cuda, Floats::f32_only), device(device_), cublas(device) {}

  std::string description() const override {
    return "cuda:" + std::to_string(device.index) + " " + device.name + ", compute capability " +
           std::to_string(device.capability / 10) + "." + std::to_string(device.capability % 10) + ", " +
           std::to_string(device.multiprocessors) + " multiprocessors, driver for CUDA " +
           cuda::version(device.driver) + ", runtime " + cuda::version(device.runtime);
  }

  std::shared_ptr<void> allocate(std::size_t bytes, Content content) override {
    const UseDevice use_device(device);
    void* memory = nullptr;
    const cudaError_t status = cudaMalloc(&memory, bytes == 0 ? 1 : bytes);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      throw Error(ErrorCode::out_of_memory, "",
                  "expected memory for " + std::to_string(bytes) + " bytes on " + device.name + ", got none" +
                      cuda::kMemoryRemedy);
    }
    check(status, "allocating memory");
    std::shared_ptr<void> owner(memory, [alive = shared_from_this()](void* p) {
      if (cudaFree(p) != cudaSuccess) cudaGetLastError();  // clears an error of earlier work, which waiting reports
    });
    if (content == Content::anything) return owner;
    check(cudaMemset(memory, 0, bytes), "clearing memory");
    check(cudaStreamSynchronize(nullptr), "clearing memory");
    return owner;
  }

  void check_stream(CUstream_st* stream) const override {
    device.require_this_process();
    if (stream == nullptr) return;
#if CUDART_VERSION >= 12080
    int index = device.index;
    const cudaError_t status = cudaStreamGetDevice(stream, &index);
    if (status != cudaErrorCallRequiresNewerDriver) check(status, "querying the stream's device");
    if (index != device.index)
      throw_invalid("stream", "a stream of device " + std::to_string(device.index),
                    "one of device " + std::to_string(index));
#endif
  }

  void check_memory(const char* name, const void* data) const override {
    device.require_this_process();
    cudaPointerAttributes found;
    check(cudaPointerGetAttributes(&found, data), "querying the location of an array");
    const bool on_device = found.type == cudaMemoryTypeDevice;
    if (found.type == cudaMemoryTypeManaged || (on_device && found.device == device.index)) return;
    throw_invalid(name, "memory of device " + std::to_string(device.index),
                  on_device ? "memory of device " + std::to_string(found.device) : "memory of the host");
  }

  void copy_in(Queue::Impl& queue, void* to, const void* host, std::size_t bytes) override {
    if (bytes == 0) return;
    device.require_this_process();
    refuse_capture(queue, "a replay would read the host memory again");
    check_memory("to", to);
    const UseDevice use_device(device);
    check(cudaMemcpyAsync(to, host, bytes, cudaMemcpyHostToDevice, queue.stream), "copying to the device");
  }

  void copy_out(Queue::Impl& queue, void* host, const void* from, std::size_t bytes) override {
    device.require_this_process();
    refuse_capture(queue, "this waits");
    const UseDevice use_device(device);
    if (bytes > 0) {
      check_memory("from", from);
      check(cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, queue.stream), "copying from the device");
    }
    check(cudaStreamSynchronize(queue.stream), "waiting for the queue");
  }

  void synchronize(Queue::Impl& queue) override {
    device.require_this_process();
    refuse_capture(queue, "this waits");
    const UseDevice use_device(device);
    check(cudaStreamSynchronize(queue.stream), "waiting for the queue");
  }

  std::unique_ptr<LossProgram> make_loss(const LossSpec& spec) override {
    refuse_orthogonal(needs_of(spec.loss.objective).distribution);
    const UseDevice use_device(device);
    return make_routed<LossProgram>(spec, context(), cuda::make_fused_loss, cuda::make_layered_loss,
                                    cuda::make_layered_energy_loss);
  }
  std::unique_ptr<ScoreProgram> make_score(const ScoreSpec& spec) override {
    refuse_orthogonal(spec.distribution);
    const UseDevice use_device(device);
    return make_routed<ScoreProgram>(spec, context(), cuda::make_fused_score, cuda::make_layered_score,
                                     cuda::make_layered_energy_score);
  }
  std::unique_ptr<PerturbProgram> make_perturb(const PerturbSpec& spec) override {
    return cuda::make_perturb(spec, context());
  }
  std::unique_ptr<DirectionProgram> make_direction(const DirectionSpec& spec) override {
    refuse_orthogonal(spec.distribution);
    return cuda::make_direction(spec, context());
  }
  std::unique_ptr<HeadProgram> make_head(const HeadSpec& spec) override {
    refuse_orthogonal(needs_of(spec.loss.objective).distribution);
    return cuda::make_head(spec, context());
  }
  std::unique_ptr<RankSumProgram> make_rank_sum(int ranks, std::int64_t count) override {
    return cuda::make_rank_sum(ranks, count, context());
  }

  void advance(Queue::Impl& queue, NoiseState::Position* position) override { cuda::advance(device, queue, position); }
  void write_rows(Queue::Impl& queue, const Batch& batch, const View& rows) override {
    cuda::write_rows(device, queue, batch, rows);
  }
  std::size_t adam_scratch_bytes() const override { return kernels::adam_scratch_bytes(); }
  void adam_step(Queue::Impl& queue, const AdamState& state, const Adam::Options& options, float* params,
                 const float* grad, double loss_scale) override {
    cuda::adam_step(device, queue, state, options, params, grad, loss_scale);
  }
  void sampler_update(Queue::Impl& queue, const SamplerUpdate& update) override {
    cuda::sampler_update(device, queue, update);
  }
  void metropolis(Queue::Impl& queue, const MetropolisStep& step) override { cuda::metropolis(device, queue, step); }
  void add_gaussian(Queue::Impl& queue, const GaussianTerm& term) override { cuda::add_gaussian(device, queue, term); }
  void output_score(Queue::Impl& queue, const OutputScore& call) override { cuda::output_score(device, queue, call); }
  void estimate(Queue::Impl& queue, const ConstView& values, Estimate* estimate) override {
    cuda::estimate(device, queue, values, estimate);
  }

  cuda::Context context() { return {*this, device, cublas}; }

  const cuda::Device device;
  const cuda::CublasLt cublas;
};

}  // namespace

std::shared_ptr<Engine::Impl> make_cuda_engine(int device) {
  return std::make_shared<CudaEngine>(cuda::open_device(device));
}

}  // namespace scorematch
