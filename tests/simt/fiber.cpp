#include "simt/fiber.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
extern "C" void __sanitizer_start_switch_fiber(void**, const void*, std::size_t);
extern "C" void __sanitizer_finish_switch_fiber(void*, const void**, std::size_t*);
#endif

namespace simt {
namespace {

constexpr std::size_t kGuardBytes = 4096;

#if defined(__SANITIZE_ADDRESS__)
const void* g_program_stack = nullptr;
std::size_t g_program_stack_bytes = 0;
bool g_left_program = false;
#endif

}  // namespace

#if !defined(SIMT_USES_UCONTEXT)
extern "C" void simt_switch(void** save, void* to);
asm(R"(
.text
.type simt_switch,@function
simt_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size simt_switch,.-simt_switch
)");
#endif

Fiber::~Fiber() {
  if (stack_ != nullptr) munmap(stack_ - kGuardBytes, kStackBytes + kGuardBytes);
}

void Fiber::prepare(void (*entry)()) {
  if (stack_ == nullptr) {
    void* memory = mmap(nullptr, kStackBytes + kGuardBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      std::perror("simt: no memory for a thread's stack");
      std::abort();
    }
    mprotect(memory, kGuardBytes, PROT_NONE);
    stack_ = static_cast<char*>(memory) + kGuardBytes;
  }
#if defined(__SANITIZE_ADDRESS__)
  ASAN_UNPOISON_MEMORY_REGION(stack_, kStackBytes);
#endif
#if defined(SIMT_USES_UCONTEXT)
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_;
  context_.uc_stack.ss_size = kStackBytes;
  context_.uc_link = nullptr;
  makecontext(&context_, entry, 0);
#else
  constexpr int kSaved = 6;  // registers that simt_switch pops off the stack
  void** top = reinterpret_cast<void**>(stack_ + kStackBytes) - 2;
  *top = reinterpret_cast<void*>(entry);
  stack_pointer_ = top - kSaved;
  std::memset(stack_pointer_, 0, kSaved * sizeof(void*));
#endif
}

void Fiber::switch_to(Fiber& next, [[maybe_unused]] bool dies) {
#if defined(__SANITIZE_ADDRESS__)
  if (stack_ == nullptr) g_left_program = true;
  __sanitizer_start_switch_fiber(dies ? nullptr : &fake_stack_, next.stack_ != nullptr ? next.stack_ : g_program_stack,
                                 next.stack_ != nullptr ? kStackBytes : g_program_stack_bytes);
#endif
#if defined(SIMT_USES_UCONTEXT)
  swapcontext(&context_, &next.context_);
#else
  simt_switch(&stack_pointer_, next.stack_pointer_);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake_stack_, nullptr, nullptr);
#endif
}

void Fiber::arrived() {
#if defined(__SANITIZE_ADDRESS__)
  const void* bottom;
  std::size_t bytes;
  __sanitizer_finish_switch_fiber(nullptr, &bottom, &bytes);
  if (g_left_program) {
    g_left_program = false;
    g_program_stack = bottom;
    g_program_stack_bytes = bytes;
  }
#endif
}

}  // namespace simt
