// A stack of one's own to switch to and from: assembly on x86-64, ucontext elsewhere (or with SIMT_UCONTEXT).
#pragma once
#include <cstddef>

#if defined(SIMT_UCONTEXT) || !defined(__x86_64__)
#define SIMT_USES_UCONTEXT 1
#include <ucontext.h>
#endif

namespace simt {

constexpr std::size_t kStackBytes = 128 * 1024;

class Fiber {
 public:
  Fiber() = default;
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber();

  /// The next switch to it calls entry(), which must not return.
  void prepare(void (*entry)());
  /// `dies`: this one is never switched to again before it is prepared.
  void switch_to(Fiber& next, bool dies);
  /// First thing in an entry().
  static void arrived();
  bool owns(const char* p) const { return p >= stack_ && p < stack_ + kStackBytes; }

 private:
#if defined(SIMT_USES_UCONTEXT)
  ucontext_t context_;
#else
  void* stack_pointer_ = nullptr;
#endif
  char* stack_ = nullptr;  // null: the program's own
  void* fake_stack_ = nullptr;
};

}  // namespace simt
