// What ranks sum together: their gradients. MPI does it in host memory, NCCL on the GPU, in order with the queue's
// other work. Everything else that ranks exchange is a few bytes, and goes by MPI.
#pragma once
#include <mpi.h>

#include <memory>

#include "scorematch/buffer.h"
#include "scorematch/queue.h"

class AllReduce {
 public:
  virtual ~AllReduce() = default;
  /// sum = the sum over the ranks of `mine`, bit-identical on every rank. [P] both. Every rank has to call it.
  virtual void run(scorematch::Queue& queue, const scorematch::Buffer<float>& mine,
                   scorematch::Buffer<float>& sum) const = 0;
};

/// For the cpu and reference engines.
std::unique_ptr<AllReduce> make_mpi_all_reduce(MPI_Comm ranks);
/// For Engine::cuda(device), one rank per GPU. Built if NCCL is installed.
/// @throws scorematch::Error device_fault
std::unique_ptr<AllReduce> make_nccl_all_reduce(MPI_Comm ranks, int device);
