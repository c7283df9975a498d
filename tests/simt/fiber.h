// A context with its own stack: assembly on x86-64, ucontext elsewhere (or with SIMT_UCONTEXT).
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

  /// The next switch to this fiber calls entry(), which must not return.
  void prepare(void (*entry)());
  /// `dies`: this fiber is not switched to again until it is prepared again.
  void switch_to(Fiber& next, bool dies);
  /// Must be the first call in an entry().
  static void arrived();
  bool owns(const char* p) const { return p >= stack_ && p < stack_ + kStackBytes; }

 private:
#if defined(SIMT_USES_UCONTEXT)
  ucontext_t context_;
#else
  void* stack_pointer_ = nullptr;
#endif
  char* stack_ = nullptr;  // null: the stack of the program
  void* fake_stack_ = nullptr;
};

}  // namespace simt
