// The sum of the ranks' gradients. MPI computes it in host memory. On GPUs a RankSum computes it, by NCCL, in order
// with the queue's other work. All other data that ranks exchange are a few bytes, which MPI sends.
#pragma once
#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "scorematch/buffer.h"
#include "scorematch/queue.h"

class AllReduce {
 public:
  virtual ~AllReduce() = default;
  virtual std::size_t workspace_bytes() const { return 0; }
  /// sum = the sum over the ranks of `mine`, bit-identical on every rank. [P] both. Every rank must call it.
  virtual void run(scorematch::Queue& queue, const scorematch::Buffer<float>& mine,
                   scorematch::Buffer<float>& sum) const = 0;
};

/// For the cpu and reference engines.
std::unique_ptr<AllReduce> make_mpi_all_reduce(MPI_Comm ranks);
/// For Engine::cuda(), one rank per GPU. @param count elements of a gradient
/// @throws scorematch::Error unsupported if ranks share a GPU, device_unavailable without NCCL, device_fault
std::unique_ptr<AllReduce> make_gpu_all_reduce(MPI_Comm ranks, const scorematch::Engine& engine, std::int64_t count);
