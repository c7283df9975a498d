// The GPU of an engine: opening it, and making it the current device.
#pragma once
#include <cstddef>
#include <string>

namespace scorematch::cuda {

struct Device {
  int index = 0;
  std::string name, uuid;  // uuid: 32 hexadecimal digits
  int capability = 0;      // 10 major + minor
  int multiprocessors = 0;
  std::size_t memory_bytes = 0, shared_bytes = 0;  // of the device; at most per block
  int driver = 0, runtime = 0;                     // 1000 major + 10 minor
  unsigned forks = 0;                              // of fork_count(), when it was opened

  /// A child of fork() cannot use CUDA where its parent has.
  bool is_of_this_process() const;
  /// @throws Error unsupported
  void require_this_process() const;
};

/// Loads the kernels that any plan may launch. @throws Error device_unavailable, with a remedy
Device open_device(int index);

/// "13.0"
std::string version(int number);

/// Makes a device the current one, and restores the previous one when destroyed.
class UseDevice {
 public:
  /// @throws Error unsupported in a child of the process that opened the device
  explicit UseDevice(const Device& device);
  UseDevice(const UseDevice&) = delete;
  UseDevice& operator=(const UseDevice&) = delete;
  ~UseDevice();

 private:
  int before_ = 0, index_;
};

}  // namespace scorematch::cuda
