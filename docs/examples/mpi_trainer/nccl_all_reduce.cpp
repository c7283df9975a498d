#include <cuda_runtime_api.h>
#include <nccl.h>

#include <string>

#include "all_reduce.h"
#include "scorematch/error.h"

namespace {

void check(bool good, const char* doing, const char* reason) {
  if (!good)
    throw scorematch::Error(scorematch::ErrorCode::device_fault, "all_reduce", std::string(doing) + ": " + reason);
}

void check(ncclResult_t status, const char* doing) { check(status == ncclSuccess, doing, ncclGetErrorString(status)); }

class NcclAllReduce : public AllReduce {
 public:
  NcclAllReduce(MPI_Comm ranks, int device) {
    int rank = 0, count = 0;
    MPI_Comm_rank(ranks, &rank);
    MPI_Comm_size(ranks, &count);
    const cudaError_t status = cudaSetDevice(device);
    check(status == cudaSuccess, "choosing the device", cudaGetErrorString(status));
    ncclUniqueId id{};
    if (rank == 0) check(ncclGetUniqueId(&id), "starting NCCL");
    MPI_Bcast(&id, sizeof id, MPI_BYTE, 0, ranks);
    check(ncclCommInitRank(&comm_, count, id, rank), "joining the ranks");
  }
  ~NcclAllReduce() override { ncclCommDestroy(comm_); }
  NcclAllReduce(const NcclAllReduce&) = delete;
  NcclAllReduce& operator=(const NcclAllReduce&) = delete;

  void run(scorematch::Queue& queue, const scorematch::Buffer<float>& mine,
           scorematch::Buffer<float>& sum) const override {
    check(ncclAllReduce(mine.data(), sum.data(), static_cast<std::size_t>(mine.size()), ncclFloat, ncclSum, comm_,
                        queue.stream()),
          "summing gradients");
  }

 private:
  ncclComm_t comm_ = nullptr;
};

}  // namespace

std::unique_ptr<AllReduce> make_nccl_all_reduce(MPI_Comm ranks, int device) {
  return std::make_unique<NcclAllReduce>(ranks, device);
}
