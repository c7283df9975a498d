// A CUDA runtime and a cuBLASLt that need no GPU: linked before the real ones, they run the host side and the kernels
// of a program on the executor. Streams are queues whose work is done when somebody waits for it; capture forbids what
// CUDA forbids; every call can be made to fail.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace simt::runtime {

/// The machine as the program finds it.
struct Machine {
  int devices = 1;
  int driver = 13000;                         // 0: none
  int capability = 90;                        // 10 major + minor
  std::size_t memory = std::size_t{1} << 32;  // of each device
  bool image = true;                          // the program has kernels for it
};

/// A fresh machine: no device memory in use, nothing counted. @throws std::logic_error where something still lives.
void start(const Machine& machine = {});

/// Calls that can fail, since start(): those an engine makes. Graphs and destructors are the caller's.
int calls();
/// The n-th call from now fails, counting from 1; 0: none does.
void fail_call(int n);
/// Whether it has, and which it was.
bool has_failed();
std::string failed_call();

/// What the program has not given back: "allocations 2, streams 1"; empty if nothing.
std::string live();
/// Bytes of device memory in use.
std::size_t bytes_in_use();
/// Launches and copies that were enqueued, captured ones not counted.
int enqueued();
/// Calls that wait for the device, since start().
int waits();

}  // namespace simt::runtime
