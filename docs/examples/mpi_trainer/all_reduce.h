// The sum of the ranks' gradients. MPI computes it in host memory. NCCL computes it on the GPU, in order with the
// queue's other work. All other data that ranks exchange are a few bytes, which MPI sends.
#pragma once
#include <mpi.h>

#include <memory>

#include "scorematch/buffer.h"
#include "scorematch/queue.h"

class AllReduce {
 public:
  virtual ~AllReduce() = default;
  /// sum = the sum over the ranks of `mine`, bit-identical on every rank. [P] both. Every rank must call it.
  virtual void run(scorematch::Queue& queue, const scorematch::Buffer<float>& mine,
                   scorematch::Buffer<float>& sum) const = 0;
};

/// For the cpu and reference engines.
std::unique_ptr<AllReduce> make_mpi_all_reduce(MPI_Comm ranks);
/// For Engine::cuda(device), one rank per GPU. Built if NCCL is installed.
/// @throws scorematch::Error device_fault
std::unique_ptr<AllReduce> make_nccl_all_reduce(MPI_Comm ranks, int device);
