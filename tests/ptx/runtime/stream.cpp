// Streams, whose work is done at once, stream capture, and events.
#include <chrono>
#include <memory>
#include <set>

#include "ptx/runtime/exported.h"
#include "ptx/runtime/state.h"

struct CUevent_st {
  double seconds = 0;
};

namespace ptx::runtime {
namespace {

std::set<CUstream_st*>& streams() {
  static std::set<CUstream_st*> all;
  return all;
}

bool is_legacy(cudaStream_t stream) { return stream == nullptr || stream == cudaStreamLegacy; }
bool is_known(cudaStream_t stream) { return streams().count(stream) != 0; }

/// The legacy stream must not be used during the capture of a stream that it waits for.
bool breaks_a_capture() {
  bool broken = false;
  for (CUstream_st* each : streams())
    if (each->blocking && each->capturing) each->broken = broken = true;
  return broken;
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

bool is_any_captured() {
  for (const CUstream_st* each : streams())
    if (each->capturing) return true;
  return false;
}

cudaError_t enqueue(cudaStream_t stream, Work work) {
  if (sticky_error() != cudaSuccess) return failed(sticky_error());
  if (is_legacy(stream)) {
    if (breaks_a_capture()) return failed(cudaErrorStreamCaptureImplicit);
  } else if (stream != cudaStreamPerThread) {
    if (!is_known(stream)) return failed(cudaErrorInvalidResourceHandle);
    if (stream->capturing) {
      if (stream->broken) return failed(cudaErrorStreamCaptureInvalidated);
      stream->captured.push_back(std::move(work));
      return cudaSuccess;
    }
  }
  sticky_error() = work();
  return cudaSuccess;  // the error of the work is seen by the calls that wait for it
}

}  // namespace ptx::runtime

using namespace ptx::runtime;

extern "C" {

int emulator_enqueue(cudaStream_t stream, void (*work)(void*), void* what, void (*forget)(void*)) {
  PTX_CALL;
  const std::shared_ptr<void> held(what, forget);
  return enqueue(stream, [work, held] {
    work(held.get());
    return cudaSuccess;
  });
}

// ---- streams

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  PTX_CALL;
  *stream = new CUstream_st;
  (*stream)->blocking = (flags & cudaStreamNonBlocking) == 0;
  streams().insert(*stream);
  return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  return cudaStreamCreateWithFlags(stream, flags);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  PTX_CALL;
  if (streams().erase(stream) == 0) return failed(cudaErrorInvalidResourceHandle);
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  PTX_CALL;
  if (!is_legacy(stream) && stream != cudaStreamPerThread) {
    if (!is_known(stream)) return failed(cudaErrorInvalidResourceHandle);
    if (stream->capturing) {
      stream->broken = true;
      return failed(cudaErrorStreamCaptureUnsupported);
    }
  }
  return failed(sticky_error());
}

cudaError_t cudaStreamQuery(cudaStream_t stream) { return cudaStreamSynchronize(stream); }
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) { return cudaSuccess; }

cudaError_t cudaStreamGetDevice(cudaStream_t stream, int* device) {
  PTX_CALL;
  if (!is_legacy(stream) && !is_known(stream)) return failed(cudaErrorInvalidResourceHandle);
  *device = 0;
  return cudaSuccess;
}

// ---- capture

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode*) { return cudaSuccess; }

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  PTX_CALL;
  *status = cudaStreamCaptureStatusNone;
  if (!is_legacy(stream) && is_known(stream) && stream->capturing)
    *status = stream->broken ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  PTX_CALL;
  if (!is_known(stream)) return failed(cudaErrorStreamCaptureUnsupported);
  stream->capturing = true;
  stream->broken = false;
  stream->captured.clear();
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  PTX_CALL;
  *graph = nullptr;
  if (!is_known(stream) || !stream->capturing) return failed(cudaErrorIllegalState);
  stream->capturing = false;
  if (stream->broken) return failed(cudaErrorStreamCaptureInvalidated);
  *graph = new CUgraph_st{std::move(stream->captured)};
  stream->captured.clear();
  return cudaSuccess;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  PTX_CALL;
  return enqueue(stream, [=] {
    function(data);
    return cudaSuccess;
  });
}

// ---- events

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = new CUevent_st;
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) { return cudaEventCreate(event); }

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  event->seconds = now();
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaDeviceSynchronize(); }
cudaError_t cudaEventQuery(cudaEvent_t) { return cudaSuccess; }

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
  *milliseconds = static_cast<float>((to->seconds - from->seconds) * 1e3);
  return cudaSuccess;
}
}
