// The device allocations, with a cell for every byte.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>

#include "simt/state.h"

namespace simt {

/// From calloc: the cells of bytes that are never touched use no memory.
struct Free {
  void operator()(Cell* cells) const { std::free(cells); }
};
struct Allocation {
  char* base;
  std::size_t bytes;
  std::unique_ptr<Cell[], Free> cells;
  bool initialized = false;  // the whole allocation at once
};

std::map<std::uintptr_t, Allocation>& allocations();  // by address
/// The allocation that holds [p, p + bytes); null if there is none.
Allocation* allocation_of(const char* p, std::size_t bytes);
void forget_last_allocation();
void mark_initialized(void* p, std::size_t bytes);

}  // namespace simt
