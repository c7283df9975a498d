#include "cli/options/interrupt.h"

#include <csignal>

namespace scorematch::cli {
namespace {

volatile std::sig_atomic_t noted = 0, ends_at_second = 1;
std::atomic<bool> asked{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

void note(int signal) {
  if (noted == 0) noted = signal;
  asked = true;
  if (ends_at_second == 0) return;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

void (*replace(int signal))(int) {
  const auto before = std::signal(signal, note);
  if (before == SIG_IGN) std::signal(signal, SIG_IGN);
  return before;
}

}  // namespace

InterruptGuard::InterruptGuard(Second second)
    : interrupt_before_(replace(SIGINT)), terminate_before_(replace(SIGTERM)) {
  ends_at_second = second == Second::ends ? 1 : 0;
}

InterruptGuard::~InterruptGuard() {
  std::signal(SIGINT, interrupt_before_);
  std::signal(SIGTERM, terminate_before_);
}

int InterruptGuard::signal() { return noted; }

const std::atomic<bool>& InterruptGuard::is_asked_to_stop() { return asked; }

}  // namespace scorematch::cli
