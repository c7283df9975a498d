// The functions that g++ -fsanitize=thread calls before every access. They are defined here instead of in libtsan,
// which is not linked, so that accesses of unmodified kernels reach check_access(). Outside of a launch they do
// nothing.
#include <cstddef>
#include <cstring>

#include "simt/state.h"

namespace simt {
void enable_checking();
}  // namespace simt

namespace {

void seen(const void* p, std::size_t bytes, bool write, const void* program_counter) {
  if (simt::g_lane != nullptr) simt::check_access(p, bytes, write, false, simt::place_of(program_counter));
}

}  // namespace

#define SIMT_HOOK(name, bytes, write) \
  extern "C" void __tsan_##name##bytes(void* p) { seen(p, bytes, write, __builtin_return_address(0)); }
#define SIMT_HOOKS(bytes)                 \
  SIMT_HOOK(read, bytes, false)           \
  SIMT_HOOK(write, bytes, true)           \
  SIMT_HOOK(unaligned_read, bytes, false) \
  SIMT_HOOK(unaligned_write, bytes, true) \
  SIMT_HOOK(volatile_read, bytes, false)  \
  SIMT_HOOK(volatile_write, bytes, true)
SIMT_HOOKS(1)
SIMT_HOOKS(2)
SIMT_HOOKS(4)
SIMT_HOOKS(8)
SIMT_HOOKS(16)

extern "C" {
void __tsan_init() { simt::enable_checking(); }
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_read_range(void* p, std::size_t bytes) { seen(p, bytes, false, __builtin_return_address(0)); }
void __tsan_write_range(void* p, std::size_t bytes) { seen(p, bytes, true, __builtin_return_address(0)); }
void* __tsan_memcpy(void* to, const void* from, std::size_t bytes) {
  seen(from, bytes, false, __builtin_return_address(0));
  seen(to, bytes, true, __builtin_return_address(0));
  return std::memcpy(to, from, bytes);
}
void* __tsan_memset(void* to, int byte, std::size_t bytes) {
  seen(to, bytes, true, __builtin_return_address(0));
  return std::memset(to, byte, bytes);
}

// Atomics on the launching side (shared pointers, static local variables) do not belong to kernels.
std::int32_t __tsan_atomic32_fetch_add(volatile std::int32_t* p, std::int32_t value, int) {
  return __atomic_fetch_add(p, value, __ATOMIC_ACQ_REL);
}
std::uint8_t __tsan_atomic8_load(const volatile std::uint8_t* p, int) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
}
