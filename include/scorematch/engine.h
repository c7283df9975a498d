/// @file
/// Where things are computed (Engine), in what order and with what scratch memory (Queue), and with what precision.
///
/// Threads: an Engine and every plan may be used by any number of threads at once. A Queue, and what is written through
/// it, belongs to one thread at a time. The library has no global state; of each thread the C interface keeps the last
/// error alone.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "scorematch/buffer.h"
#include "scorematch/choices.h"
#include "scorematch/export.h"

struct CUstream_st;  // what a cudaStream_t points to; declared here so that no CUDA header is needed and no cast either

namespace scorematch {

/// A handle, cheap to copy; there is no empty one. Plans, queues and buffers keep their engine alive.
class SCOREMATCH_API Engine {
 public:
  enum class Kind { reference, cpu, cuda };

  static Engine reference();           ///< double inside; takes and gives f32 or f64, mixed as you like
  static Engine cpu(int threads = 0);  ///< f32. 0: as many threads as the machine has cores
  static Engine cuda(int device = 0);  ///< f32 in memory. @throws Error device_unavailable with the remedy
  /// cuda if it works, else cpu(threads); description() says which and why
  static Engine best(int threads = 0);

  Kind kind() const;
  std::string description() const;  ///< one line for people: engine, device, driver, what best() passed over

  /// Zeroed memory where this engine computes. For set-up, not for the training loop: on CUDA it synchronises.
  template <class T>
  Buffer<T> allocate(const Shape& shape = 1) const {
    return {allocate_bytes(shape, sizeof(T)), shape};
  }
  /// The same, filled from the host. @throws Error if `shape` is not of host.size() elements.
  template <class T>
  Buffer<T> upload(const std::vector<T>& host, const Shape& shape) const {
    return {upload_bytes(host.data(), host.size(), shape, sizeof(T)), shape};
  }
  template <class T>
  Buffer<T> upload(const std::vector<T>& host) const {
    return upload(host, Shape(static_cast<std::int64_t>(host.size())));
  }

  struct Impl;
  const std::shared_ptr<Impl>& impl() const noexcept { return impl_; }

 private:
  explicit Engine(std::shared_ptr<Impl> impl);
  std::shared_ptr<void> allocate_bytes(const Shape& shape, std::size_t element_bytes) const;
  std::shared_ptr<void> upload_bytes(const void* host, std::size_t count, const Shape& shape,
                                     std::size_t element_bytes) const;
  std::shared_ptr<Impl> impl_;
};

struct Compute {
  Precision precision = Precision::fp32;
  Route route = Route::automatic;
};

/// How a plan computes.
struct PlanReport {
  Route route = Route::automatic;  ///< fused or layered; automatic on engines that have but one way
  int launches = 0;                ///< of a call for a loss and its gradient, or for scores; 0 on the host
  std::string text;                ///< one line for people
};

}  // namespace scorematch
