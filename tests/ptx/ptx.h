// The emulator as the CUDA runtime sees it: device memory, modules, launches, and statistics.
#pragma once
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "ptx/program.h"
#include "ptx/types.h"

namespace ptx {

// Generic addresses of the windows lie above all addresses of a Linux process.
constexpr u64 kSharedBase = u64{1} << 48;
constexpr u64 kLocalBase = kSharedBase + (u64{1} << 32);
constexpr u64 kParamBase = kSharedBase + (u64{2} << 32);
constexpr u32 kSharedOptin = 232448;   // dynamic shared memory per block with cudaFuncSetAttribute, bytes
constexpr u32 kSharedDefault = 49152;  // and without

/// An error that ends a launch.
struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// ---- Global memory

struct Alloc {
  u64 base = 0, size = 0;
  u8* shadow = nullptr;  // per byte, 1: initialized
  bool managed = false;
  void* trace = nullptr;  // for the detection of races; allocated at the first access
};

/// The allocation that contains `address`, or null.
Alloc* find_alloc(u64 address);
extern std::map<u64, Alloc> allocs;
extern u64 alloc_generation;  // must change whenever `allocs` does

// ---- Modules

struct Module {
  std::string text, target;
  std::map<std::string, Function> functions;
  std::map<std::string, Variable> globals, constants, shared, external_shared;
  std::map<u32, std::string> files;
  std::map<std::string, std::unique_ptr<Program>> programs;

  /// Parses declarations. Throws std::runtime_error for PTX outside the supported subset.
  explicit Module(std::string text);
  /// Decodes a kernel at its first use. Ends the process if it has instructions that are not supported, naming all.
  Program& program(const std::string& entry);
};

// ---- Execution

struct Launch {
  Program* program;
  Module* module;
  u32 grid[3], block[3];
  u32 dynamic_shared = 0;  // bytes
  std::vector<u8> params;
};

/// Runs all blocks. Throws Fault.
void run(const Launch& launch);

struct Stats {
  u64 launches = 0, warp_instructions = 0, thread_instructions = 0, uninitialised = 0, faults = 0, races = 0;
  double seconds = 0;
};
extern Stats stats;
extern std::unordered_map<std::string, u64> opcode_counts;

/// Prints a warning about an error that CUDA would not detect. Once per place in the code.
void complain(const std::string& what);
/// The integer value of an environment variable.
long env(const char* name, long otherwise);

}  // namespace ptx
