/// @file
/// Thrust's vectors as views, and the library's memory as ranges of Thrust. Nothing is copied. Optional: no other
/// header includes this one, and it needs Thrust, which is part of the CUDA toolkit.
///
/// The library's calls enqueue work on their queue's stream, Thrust's algorithms on the stream of their policy. Give
/// them the queue's, policy_of(queue), or wait in between. Thrust fills a new vector on the default stream and waits.
///
/// device_vector and universal_vector are memory of the device, for the cuda engine. Where Thrust's device system is
/// the host (THRUST_DEVICE_SYSTEM_CPP, _OMP, _TBB), their memory is for the cpu and reference engines, and so is that
/// of a host_vector.
#pragma once
#include <thrust/device_ptr.h>
#include <thrust/device_vector.h>
#include <thrust/memory.h>
#include <thrust/universal_vector.h>
#if defined(__CUDACC__)
#include <thrust/system/cuda/execution_policy.h>
#endif

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "scorematch/buffer.h"
#include "scorematch/dense.h"
#include "scorematch/queue.h"

namespace scorematch {

/// All elements of a Thrust vector of float, double or std::int64_t: a View, or a ConstView if the vector is const. It
/// holds until the vector is resized or destroyed, which must wait for the calls that use it.
/// @throws Error invalid_argument unless `shape` has vector.size() elements
template <class Vector,
          class T = std::remove_pointer_t<decltype(::thrust::raw_pointer_cast(std::declval<Vector&>().data()))>>
auto view_of(Vector& vector, const Shape& shape) -> std::conditional_t<std::is_const_v<T>, ConstView, View> {
  const auto size = static_cast<std::int64_t>(vector.size());
  if (shape.count() != size)
    throw Error(ErrorCode::invalid_argument, "shape",
                "shape: expected " + std::to_string(size) + " elements, as the vector has, got " +
                    std::to_string(shape.count()));
  return {::thrust::raw_pointer_cast(vector.data()), shape};
}
template <class Vector>
auto view_of(Vector& vector) {
  return view_of(vector, Shape(static_cast<std::int64_t>(vector.size())));
}

/// Elements in memory of the device, as algorithms of Thrust take them: thrust::reduce(policy, range.begin(),
/// range.end()). It does not own them.
template <class T>
class ThrustRange {
 public:
  ThrustRange(T* data, std::int64_t size) : begin_(::thrust::device_pointer_cast(data)), size_(size) {}
  ::thrust::device_ptr<T> begin() const { return begin_; }
  ::thrust::device_ptr<T> end() const { return begin_ + size_; }
  std::int64_t size() const { return size_; }

 private:
  ::thrust::device_ptr<T> begin_;
  std::int64_t size_;
};

/// The elements of a buffer.
template <class T>
ThrustRange<T> range_of(Buffer<T>& buffer) {
  return {buffer.data(), buffer.size()};
}
template <class T>
ThrustRange<const T> range_of(const Buffer<T>& buffer) {
  return {buffer.data(), buffer.size()};
}
/// Those of a view, row by row: range_of<float>(view).
/// @throws Error invalid_argument ("view") if it has another type than T, or gaps between its rows
template <class T>
ThrustRange<T> range_of(const View& view) {
  return {dense_data<T>("view", view), view.shape.count()};
}
template <class T>
ThrustRange<const T> range_of(const ConstView& view) {
  return {dense_data<const T>("view", view), view.shape.count()};
}

#if defined(__CUDACC__)
/// Algorithms with this policy are enqueued on the queue's stream, after the library's calls. Those that return a
/// number to the host wait for the stream, others do not.
inline auto policy_of(const Queue& queue) { return ::thrust::cuda::par_nosync.on(queue.stream()); }
#endif

}  // namespace scorematch
