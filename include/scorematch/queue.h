/// @file
/// Queue: an ordered line of work on an engine, with the scratch memory its calls share.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "scorematch/engine.h"

namespace scorematch {

/// Every call that computes takes a Queue first. CUDA: the work is enqueued on the stream and the call returns; it
/// neither allocates nor waits, so a stream under capture records it. CPU and reference: the work is done on return, so
/// the same program runs. Queues never share scratch memory: threads that share a plan have a queue each. A captured
/// graph keeps addresses: the queue, buffers, noise and Adam it was captured with must outlive it. Move-only (moving
/// keeps addresses).
class SCOREMATCH_API Queue {
 public:
  /// Owns `workspace_bytes` of scratch: the largest workspace_bytes() of the plans to run on it.
  /// `stream`: the caller's cudaStream_t, which must outlive the queue; nullptr is CUDA's default stream, as in CUDA.
  /// @throws Error invalid_argument for a stream of another device, or any stream with a cpu or reference engine.
  Queue(const Engine& engine, std::size_t workspace_bytes, CUstream_st* stream = nullptr);
  /// The same with the caller's own scratch, aligned to 256 bytes, where the engine computes.
  Queue(const Engine& engine, void* workspace, std::size_t workspace_bytes, CUstream_st* stream = nullptr);
  Queue(Queue&&) noexcept;
  Queue& operator=(Queue&&) noexcept;
  ~Queue();

  /// Enqueues host to engine: as many elements as `to` has. Pinned source memory must stay as it is until the copy is
  /// done.
  void write(View to, const float* host);
  void write(View to, const double* host);
  void write(View to, const std::int64_t* host);
  /// Engine to host. Waits for this queue; @throws Error device_fault if anything enqueued before failed.
  template <class T>
  std::vector<T> read(const Buffer<T>& from) {
    std::vector<T> host(static_cast<std::size_t>(from.size()));
    copy_out(host.data(), from.data(), host.size() * sizeof(T));
    return host;
  }
  std::vector<float> read_f32(ConstView from);   ///< the same, dense; @throws Error if the view is of another type
  std::vector<double> read_f64(ConstView from);  ///< likewise
  std::vector<std::int64_t> read_i64(ConstView from);  ///< likewise
  /// The first element alone: a loss, for example.
  template <class T>
  T read_one(const Buffer<T>& from) {
    T host{};
    copy_out(&host, from.data(), from.size() > 0 ? sizeof(T) : 0);
    return host;
  }
  void synchronize();  ///< waits; @throws Error device_fault
  CUstream_st* stream() const noexcept;

  struct Impl;
  Impl& impl() noexcept { return *impl_; }

 private:
  void copy_out(void* host, const void* from, std::size_t bytes);
  std::unique_ptr<Impl> impl_;
};

}  // namespace scorematch
