/// @file
/// Queue: an ordered sequence of work on an engine, with the scratch memory that its calls share.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "scorematch/engine.h"

namespace scorematch {

/// Every call that computes takes a Queue as its first argument. On CUDA the call enqueues its work on the stream and
/// returns; it neither allocates nor waits, so it can be captured. On the cpu and reference engines the work is done on
/// return, so the same program runs. Queues never share scratch memory: threads that share a plan need a queue each. A
/// captured graph contains addresses: the queue, buffers, noise and Adam that it uses must outlive it. Move-only;
/// moving does not change addresses.
class SCOREMATCH_API Queue {
 public:
  /// Owns its scratch memory. @param workspace_bytes the largest workspace_bytes() of the plans that run on it
  /// @param stream the caller's cudaStream_t, which must outlive the queue; nullptr is CUDA's default stream
  /// @throws Error invalid_argument for a stream of another device, or any stream with a cpu or reference engine.
  Queue(const Engine& engine, std::size_t workspace_bytes, CUstream_st* stream = nullptr);
  /// The same with the caller's scratch memory: engine memory, aligned to 256 bytes.
  Queue(const Engine& engine, void* workspace, std::size_t workspace_bytes, CUstream_st* stream = nullptr);
  /// A queue that has been moved from refuses every call by name.
  Queue(Queue&&) noexcept;
  Queue& operator=(Queue&&) noexcept;
  ~Queue();

  /// Enqueues a copy from the host to the engine, of as many elements as `to` has. Pinned source memory must not change
  /// until the copy is done.
  void write(View to, const float* host);
  void write(View to, const double* host);
  void write(View to, const std::int64_t* host);
  /// Copies from the engine to the host. Waits for this queue. @throws Error device_fault if earlier work failed.
  template <class T>
  std::vector<T> read(const Buffer<T>& from) {
    std::vector<T> host(static_cast<std::size_t>(from.size()));
    copy_out(host.data(), from.data(), host.size() * sizeof(T));
    return host;
  }
  /// The same into memory of the caller, for from.size() elements.
  template <class T>
  void read(const Buffer<T>& from, T* host) {
    copy_out(host, from.data(), static_cast<std::size_t>(from.size()) * sizeof(T));
  }
  /// The same from a view to a dense vector. @throws Error if the view has another type.
  std::vector<float> read_f32(ConstView from);
  std::vector<double> read_f64(ConstView from);
  std::vector<std::int64_t> read_i64(ConstView from);
  /// The first element only: a loss, for example.
  template <class T>
  T read_one(const Buffer<T>& from) {
    T host{};
    copy_out(&host, from.data(), from.size() > 0 ? sizeof(T) : 0);
    return host;
  }
  void synchronize();  ///< waits; @throws Error device_fault if earlier work failed
  CUstream_st* stream() const;

  struct Impl;
  Impl& impl() const;  ///< @throws Error invalid_argument if the queue has been moved from

 private:
  void copy_out(void* host, const void* from, std::size_t bytes);
  std::unique_ptr<Impl> impl_;
};

}  // namespace scorematch
