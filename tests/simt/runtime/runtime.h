// A CUDA runtime and a cuBLASLt that need no GPU. Linked before the real ones, they run the host code and the kernels
// of a program on the executor. A stream is a queue whose work is done when the program waits for it. Capture forbids
// what CUDA forbids. Every call can be made to fail.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace simt::runtime {

/// The machine as the program finds it. Before start(), an empty CUDA_VISIBLE_DEVICES hides the device, as CUDA's does.
struct Machine {
  int devices = 1;
  int driver = 13000;                         // 0: none
  int capability = 90;                        // 10 major + minor
  std::size_t memory = std::size_t{1} << 32;  // per device
  bool image = true;                          // the program has kernels for it
  bool cublas = true;                         // cuBLASLt is installed
  bool nccl = true;
};

/// A new machine: no device memory in use, all counts zero. @throws std::logic_error if something is not released.
void start(const Machine& machine = {});

/// The number of calls since start() that can fail: those of an engine. Graphs and destructors are up to the caller.
int calls();
/// Makes the n-th call from now fail, counting from 1; 0: none.
void fail_call(int n);
/// Whether that call has failed, and its name.
bool has_failed();
std::string failed_call();

/// What the program has not released: "allocations 2, streams 1"; empty if nothing.
std::string live();
/// Device memory in use, in bytes.
std::size_t bytes_in_use();
/// The number of launches and copies that were enqueued, not counting captured ones.
int enqueued();
/// The number of calls since start() that wait for the device.
int waits();

}  // namespace simt::runtime
