// Streams, stream capture, and graphs.
#include <algorithm>

#include "simt/runtime/state.h"

namespace simt::runtime {
namespace {

void run(CUstream_st& stream) {
  while (!stream.queue.empty()) {
    const Work work = std::move(stream.queue.front());
    stream.queue.pop_front();
    if (state().fault != cudaSuccess) continue;  // after a fault, a device does no more work
    state().fault = static_cast<cudaError_t>(work());
  }
}

void run_default_streams() {
  for (auto& each : state().default_streams) run(each.second);
}

void run_blocking_streams() {
  for (CUstream_st* each : state().streams)
    if (each->blocking) run(*each);
}

}  // namespace

CUstream_st* stream_of(cudaStream_t stream) {
  if (stream == nullptr || stream == cudaStreamLegacy) {
    CUstream_st& found = state().default_streams[current_device()];
    found.device = current_device();
    return &found;
  }
  return state().streams.count(stream) != 0 ? stream : nullptr;
}

bool is_being_captured(cudaStream_t stream) {
  const CUstream_st* const found = stream_of(stream);
  return found != nullptr && found->capture != nullptr;
}

bool is_any_captured() {
  return std::any_of(state().streams.begin(), state().streams.end(),
                     [](const CUstream_st* each) { return each->capture != nullptr; });
}

cudaError_t forbidden_by_capture() {
  for (CUstream_st* each : state().streams)
    if (each->capture) each->capture_broken = true;
  return cudaErrorStreamCaptureUnsupported;
}

void drain(CUstream_st& stream) {
  if (stream.blocking) run_default_streams();
  run(stream);
}

void drain_all() {
  run_default_streams();
  for (CUstream_st* each : state().streams) run(*each);
}

cudaError_t enqueue(cudaStream_t stream, Work work) {
  CUstream_st* to = stream_of(stream);
  if (to == nullptr) return cudaErrorInvalidResourceHandle;
  if (to->device != current_device()) return cudaErrorInvalidResourceHandle;
  if (to->capture) {
    if (to->capture_broken) return cudaErrorStreamCaptureInvalidated;
    to->capture->nodes.push_back(std::move(work));
    return cudaSuccess;
  }
  const bool is_default = state().streams.count(to) == 0;
  if (is_default) {
    for (CUstream_st* each : state().streams)
      if (each->blocking && each->capture) return each->capture_broken = true, cudaErrorStreamCaptureImplicit;
    run_blocking_streams();
  } else if (to->blocking) {
    run_default_streams();
  }
  if (state().fault != cudaSuccess) return state().fault;
  ++state().enqueued;
  to->queue.push_back(std::move(work));
  return cudaSuccess;
}

}  // namespace simt::runtime

using namespace simt::runtime;

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  SIMT_CALL(cudaErrorUnknown);
  *stream = new CUstream_st;
  (*stream)->device = current_device();
  (*stream)->blocking = (flags & cudaStreamNonBlocking) == 0;
  state().streams.insert(*stream);
  return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  if (state().streams.count(stream) == 0) return failed(cudaErrorInvalidResourceHandle);
  drain(*stream);
  state().streams.erase(stream);
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  SIMT_CALL(cudaErrorUnknown);
  CUstream_st* of = stream_of(stream);
  if (of == nullptr) return failed(cudaErrorInvalidResourceHandle);
  if (of->capture) return of->capture_broken = true, failed(cudaErrorStreamCaptureUnsupported);
  ++state().waits;
  if (state().streams.count(of) == 0) run_blocking_streams();
  drain(*of);
  return failed(state().fault);
}

cudaError_t cudaStreamGetDevice(cudaStream_t stream, int* device) {
  SIMT_CALL(cudaErrorUnknown);
  const CUstream_st* of = stream_of(stream);
  if (of == nullptr) return failed(cudaErrorInvalidResourceHandle);
  *device = of->device;
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  SIMT_CALL(cudaErrorUnknown);
  const CUstream_st* of = stream_of(stream);
  if (of == nullptr) return failed(cudaErrorInvalidResourceHandle);
  *status = !of->capture         ? cudaStreamCaptureStatusNone
            : of->capture_broken ? cudaStreamCaptureStatusInvalidated
                                 : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  if (state().streams.count(stream) == 0) return failed(cudaErrorStreamCaptureUnsupported);
  stream->capture = std::make_unique<CUgraph_st>();
  stream->capture_broken = false;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  *graph = nullptr;
  if (state().streams.count(stream) == 0 || !stream->capture) return failed(cudaErrorInvalidValue);
  const std::unique_ptr<CUgraph_st> captured = std::move(stream->capture);
  if (stream->capture_broken) return failed(cudaErrorStreamCaptureInvalidated);
  *graph = new CUgraph_st(*captured);
  state().graphs.insert(*graph);
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  if (state().graphs.count(graph) == 0) return failed(cudaErrorInvalidValue);
  *executable = new CUgraphExec_st{graph->nodes};
  state().executables.insert(*executable);
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  if (state().executables.count(executable) == 0) return failed(cudaErrorInvalidValue);
  for (const Work& each : executable->nodes)
    if (const cudaError_t error = enqueue(stream, each); error != cudaSuccess) return failed(error);
  return cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t*, std::size_t* count) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  if (state().graphs.count(graph) == 0) return failed(cudaErrorInvalidValue);
  *count = graph->nodes.size();
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  if (state().graphs.erase(graph) == 0) return failed(cudaErrorInvalidValue);
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  if (state().executables.erase(executable) == 0) return failed(cudaErrorInvalidValue);
  delete executable;
  return cudaSuccess;
}
}
