// NCCL, opened when processes add arrays on their devices. Its header is not needed to build: what is used of it is
// declared here, as in nccl.h of NCCL 2.
#pragma once
#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <string>

struct ncclComm;

namespace scorematch::cuda {

/// The library, for one user of it.
class Nccl {
 public:
  using Communicator = ncclComm*;
  struct UniqueId {  // passed by value
    std::array<char, 128> bytes;
  };
  using Status = int;  // ncclResult_t
  static constexpr Status kSuccess = 0;
  static constexpr int kFloat = 7;  // ncclFloat32

  struct Functions {
    Status (*version)(int* version);
    const char* (*error_string)(Status status);
    const char* (*last_error)(Communicator communicator);
    Status (*make_id)(UniqueId* id);
    Status (*join)(Communicator* communicator, int ranks, UniqueId id, int rank);
    Status (*leave)(Communicator communicator);
    Status (*abort)(Communicator communicator);
    Status (*late_error)(Communicator communicator, Status* status);
    Status (*begin_group)();
    Status (*end_group)();
    Status (*send)(const void* from, std::size_t count, int type, int to, Communicator communicator,
                   cudaStream_t stream);
    Status (*receive)(void* to, std::size_t count, int type, int from, Communicator communicator, cudaStream_t stream);
  };

  /// @throws Error device_unavailable, with the name of the library and the remedy, if it is not found or too old
  Nccl();

  const Functions* operator->() const { return &functions_; }
  std::string version() const;  ///< "2.28.3"
  /// @param doing the operation, for the message @throws Error device_fault
  void check(Status status, const char* doing) const;

 private:
  Functions functions_;
};

}  // namespace scorematch::cuda
