/// @file
/// Engine: where plans compute. Compute and PlanReport: with what precision and which kernels.
///
/// Threads: any number of threads may use an Engine or a plan at once. A Queue, and what is written through it, belongs
/// to one thread at a time. The library has no global state, except that the C interface stores each thread's last
/// error, and that forks are counted.
///
/// Processes: after fork(), a child uses the host engines of its parent, with threads of its own. A cuda engine works
/// in the process that made it alone: elsewhere, @throws Error unsupported.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "scorematch/buffer.h"
#include "scorematch/choices.h"
#include "scorematch/export.h"

struct CUstream_st;  // what a cudaStream_t points to; declared here so that neither a CUDA header nor a cast is needed

namespace scorematch {

/// Threads of the caller for the cpu engine, so that a program has one thread pool.
struct CpuExecutor {
  int threads = 1;  ///< how many parts may run at once, 1 to 4096
  /// Calls part(0) ... part(count - 1) once each, at once or not, on any threads; returns or throws when all that began
  /// have returned. 1 <= count <= threads. The threads that call the library call it, perhaps at once. `part` does not
  /// throw; when one has returned, others need not begin. What `run` throws, the library's call throws (tutorial.md).
  std::function<void(int count, const std::function<void(int)>& part)> run;
};

/// A handle that is cheap to copy and never empty. Plans, queues and buffers keep their engine alive.
class SCOREMATCH_API Engine {
 public:
  enum class Kind { reference, cpu, cuda };

  Engine(const Engine&) = default;  // a move copies, so that no engine is ever empty
  Engine& operator=(const Engine&) = default;

  static Engine reference();  ///< computes in double; arrays are f32 or f64, in any mix
  /// f32. Results do not depend on the number of threads.
  /// @param threads 0: one per processor that the affinity mask and the control group's quota leave to the process
  static Engine cpu(int threads = 0);
  static Engine cpu(CpuExecutor executor);  ///< the same on the caller's threads
  static Engine cuda(int device = 0);       ///< f32 in memory. @throws Error device_unavailable, with the remedy
  /// cuda if it works, else cpu(threads), else reference; description() says which and why.
  static Engine best(int threads = 0);

  Kind kind() const;
  std::string description() const;  ///< one line for people: engine, device, driver, what best() skipped

  /// Zeroed engine memory. Use it for setup, not in the training loop: on CUDA it synchronizes.
  template <class T>
  Buffer<T> allocate(const Shape& shape = 1) const {
    return {allocate_bytes(shape, sizeof(T)), shape};
  }
  /// The same, filled from the host. @throws Error unless `shape` has host.size() elements.
  template <class T>
  Buffer<T> upload(const std::vector<T>& host, const Shape& shape) const {
    return {upload_bytes(host.data(), host.size(), shape, sizeof(T)), shape};
  }
  template <class T>
  Buffer<T> upload(const std::vector<T>& host) const {
    return upload(host, Shape(static_cast<std::int64_t>(host.size())));
  }
  /// The same from an array with as many elements as `shape`.
  template <class T>
  Buffer<T> upload(const T* host, const Shape& shape) const {
    return {upload_bytes(host, static_cast<std::size_t>(shape.count()), shape, sizeof(T)), shape};
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
  Route route = Route::automatic;  ///< never automatic, except on engines with a single route
  int launches = 0;                ///< per call for a loss and its gradient, or for scores; 0 on the host
  std::string text;                ///< one line for people
};

}  // namespace scorematch
