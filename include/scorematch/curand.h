/// @file
/// Noise of a cuRAND generator in place of the library's: eps and directions, enqueued on a queue's stream. Optional:
/// no other header includes this one, and it needs cuRAND, which is part of the CUDA toolkit.
///
/// A generator made by curandCreateGenerator() fills memory of the device, for the cuda engine, and one made by
/// curandCreateGeneratorHost() memory of the host, for the cpu and reference engines.
///
/// The library's own noise is a function of (seed, step, sample), so a run can be resumed, split and recorded. A
/// generator's noise depends on all of its earlier calls. It cannot be recorded in a graph, as a replay might draw the
/// same numbers again.
#pragma once
#include <cuda_runtime_api.h>
#include <curand.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "scorematch/choices.h"
#include "scorematch/dense.h"
#include "scorematch/error.h"
#include "scorematch/queue.h"

namespace scorematch {

namespace curand_detail {

/// "CURAND_STATUS_LAUNCH_FAILURE"
inline const char* name_of(curandStatus_t status) {
  switch (status) {
    case CURAND_STATUS_SUCCESS:
      return "CURAND_STATUS_SUCCESS";
    case CURAND_STATUS_VERSION_MISMATCH:
      return "CURAND_STATUS_VERSION_MISMATCH";
    case CURAND_STATUS_NOT_INITIALIZED:
      return "CURAND_STATUS_NOT_INITIALIZED";
    case CURAND_STATUS_ALLOCATION_FAILED:
      return "CURAND_STATUS_ALLOCATION_FAILED";
    case CURAND_STATUS_TYPE_ERROR:
      return "CURAND_STATUS_TYPE_ERROR";
    case CURAND_STATUS_OUT_OF_RANGE:
      return "CURAND_STATUS_OUT_OF_RANGE";
    case CURAND_STATUS_LENGTH_NOT_MULTIPLE:
      return "CURAND_STATUS_LENGTH_NOT_MULTIPLE";
    case CURAND_STATUS_DOUBLE_PRECISION_REQUIRED:
      return "CURAND_STATUS_DOUBLE_PRECISION_REQUIRED";
    case CURAND_STATUS_LAUNCH_FAILURE:
      return "CURAND_STATUS_LAUNCH_FAILURE";
    case CURAND_STATUS_PREEXISTING_FAILURE:
      return "CURAND_STATUS_PREEXISTING_FAILURE";
    case CURAND_STATUS_INITIALIZATION_FAILED:
      return "CURAND_STATUS_INITIALIZATION_FAILED";
    case CURAND_STATUS_ARCH_MISMATCH:
      return "CURAND_STATUS_ARCH_MISMATCH";
    case CURAND_STATUS_INTERNAL_ERROR:
      return "CURAND_STATUS_INTERNAL_ERROR";
  }
  return "an unknown status of cuRAND";
}

inline ErrorCode code_of(curandStatus_t status) {
  switch (status) {
    case CURAND_STATUS_ALLOCATION_FAILED:
      return ErrorCode::out_of_memory;
    case CURAND_STATUS_VERSION_MISMATCH:
    case CURAND_STATUS_DOUBLE_PRECISION_REQUIRED:
    case CURAND_STATUS_INITIALIZATION_FAILED:
    case CURAND_STATUS_ARCH_MISMATCH:
      return ErrorCode::device_unavailable;
    case CURAND_STATUS_NOT_INITIALIZED:
    case CURAND_STATUS_TYPE_ERROR:
    case CURAND_STATUS_OUT_OF_RANGE:
    case CURAND_STATUS_LENGTH_NOT_MULTIPLE:
      return ErrorCode::invalid_argument;
    case CURAND_STATUS_SUCCESS:
    case CURAND_STATUS_LAUNCH_FAILURE:
    case CURAND_STATUS_PREEXISTING_FAILURE:
    case CURAND_STATUS_INTERNAL_ERROR:
      break;
  }
  return ErrorCode::device_fault;
}

}  // namespace curand_detail

/// For the caller's own calls of cuRAND too. @param doing the operation, for the message
/// @throws Error out_of_memory, device_unavailable, invalid_argument ("generator") or device_fault, with cuRAND's name
/// of the status
inline void check_curand(curandStatus_t status, const char* doing) {
  if (status == CURAND_STATUS_SUCCESS) return;
  const ErrorCode code = curand_detail::code_of(status);
  throw Error(code, code == ErrorCode::invalid_argument ? "generator" : "",
              std::string(doing) + ": expected success, got " + curand_detail::name_of(status));
}

namespace curand_detail {

/// Makes the queue's stream the generator's. @throws Error if that is being recorded
inline void use_stream(Queue& queue, curandGenerator_t generator) {
  cudaStreamCaptureStatus capturing = cudaStreamCaptureStatusNone;
  if (queue.stream() != nullptr) cudaStreamIsCapturing(queue.stream(), &capturing);
  if (capturing != cudaStreamCaptureStatusNone)
    throw Error(ErrorCode::invalid_argument, "queue.stream",
                "queue.stream: expected a stream that is not being captured, because a replay might draw the same "
                "numbers of cuRAND again, got one that is");
  check_curand(curandSetStream(generator, queue.stream()), "giving cuRAND the queue's stream");
}

inline void draw_normal(Queue& queue, curandGenerator_t generator, const char* name, const View& out) {
  float* const data = dense_data<float>(name, out);
  const std::int64_t count = out.shape.count();
  if (count == 0) return;
  use_stream(queue, generator);
  const curandStatus_t status = curandGenerateNormal(generator, data, static_cast<std::size_t>(count), 0.0f, 1.0f);
  if (status == CURAND_STATUS_LENGTH_NOT_MULTIPLE)
    throw Error(ErrorCode::invalid_argument, name,
                std::string(name) +
                    ": expected as many elements as the generator can fill (an even number, and a multiple of its "
                    "dimension if it is quasirandom), got " +
                    std::to_string(count) + "; give part of a larger array");
  check_curand(status, "drawing normal numbers");
}

}  // namespace curand_detail

/// Fills eps [N, d], float32 and dense, with independent standard normal numbers. Batch::eps takes it in place of the
/// library's draw. cuRAND requires an even number of elements from pseudorandom generators on the device, and multiples
/// of their dimension from quasirandom ones.
/// @throws Error invalid_argument ("eps", "generator", "queue.stream"), or what cuRAND reports
inline void draw_eps(Queue& queue, curandGenerator_t generator, const View& eps) {
  curand_detail::draw_normal(queue, generator, "eps", eps);
}

#if defined(__CUDACC__)
namespace curand_detail {

constexpr int kWarp = 32, kWarps = 8;

/// The first bit of a word of 32 becomes the sign of 1.
template <class Word>
__global__ void signs_kernel(Word* v, std::int64_t count) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) v[i] = (v[i] & 0x80000000u) | 0x3F800000u;
}

/// Each warp scales a row of `dim` elements to the length sqrt(dim). It sums in a fixed order.
template <class T>
__global__ void sphere_kernel(T* v, std::int64_t rows, std::int64_t dim) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.y;
  if (row >= rows) return;
  T* const mine = v + row * dim;
  T squares = 0;
  for (std::int64_t i = threadIdx.x; i < dim; i += kWarp) squares += mine[i] * mine[i];
  for (int far = kWarp / 2; far > 0; far /= 2) squares += __shfl_xor_sync(0xFFFFFFFFu, squares, far);
  const T scale = squares > 0 ? sqrtf(static_cast<T>(dim) / squares) : T(0);
  for (std::int64_t i = threadIdx.x; i < dim; i += kWarp) mine[i] *= scale;
}

inline void check_launch(const char* doing) {
  const cudaError_t status = cudaGetLastError();
  if (status != cudaSuccess)
    throw Error(ErrorCode::device_fault, "",
                std::string(doing) + ": expected success, got " + cudaGetErrorName(status));
}

inline unsigned blocks_for(std::int64_t count, int per_block) {
  return static_cast<unsigned>((count + per_block - 1) / per_block);
}

}  // namespace curand_detail

/// Fills directions [M, N, d] or [N, d], float32, dense and of the device, for Batch::directions: independent in every
/// row, and of the distribution that an objective names (Song et al. 2019, "Sliced score matching", section 3.1).
/// gaussian: standard normal. rademacher: 1 or -1. sphere: uniform on the sphere of radius sqrt(d). Only in code that
/// nvcc compiles. @param generator made by curandCreateGenerator(), pseudorandom
/// @throws Error invalid_argument ("directions", "distribution" for those without replacement, "generator",
/// "queue.stream"), device_fault, or what cuRAND reports
inline void draw_directions(Queue& queue, curandGenerator_t generator, Projection distribution,
                            const View& directions) {
  using namespace curand_detail;
  float* const data = dense_data<float>("directions", directions);
  const std::int64_t count = directions.shape.count();
  if (directions.shape.rank < 2)
    throw Error(ErrorCode::invalid_argument, "directions",
                "directions: expected [M, N, d] or [N, d], got " + std::to_string(directions.shape.rank) + " axes");
  if (distribution != Projection::gaussian && distribution != Projection::rademacher &&
      distribution != Projection::sphere)
    throw Error(ErrorCode::invalid_argument, "distribution",
                "distribution: expected gaussian, rademacher or sphere, whose directions are independent, got one "
                "without replacement; DirectionPlan draws it");
  if (count == 0) return;
  const std::int64_t dim = directions.shape.extent[directions.shape.rank - 1];
  if (distribution == Projection::rademacher) {
    auto* const words = reinterpret_cast<unsigned*>(data);
    use_stream(queue, generator);
    check_curand(curandGenerate(generator, words, static_cast<std::size_t>(count)), "drawing random bits");
    signs_kernel<<<blocks_for(count, 256), 256, 0, queue.stream()>>>(words, count);
    return check_launch("drawing signs");
  }
  draw_normal(queue, generator, "directions", directions);
  if (distribution == Projection::gaussian) return;
  const dim3 block(kWarp, kWarps);
  sphere_kernel<<<blocks_for(count / dim, kWarps), block, 0, queue.stream()>>>(data, count / dim, dim);
  check_launch("scaling to the sphere");
}
#endif

}  // namespace scorematch
