#include "cli/interrupt.h"

#include <csignal>

namespace scorematch::cli {
namespace {

volatile std::sig_atomic_t noted = 0;

void note(int signal) {
  noted = signal;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

void (*replace(int signal))(int) {
  const auto before = std::signal(signal, note);
  if (before == SIG_IGN) std::signal(signal, SIG_IGN);
  return before;
}

}  // namespace

InterruptGuard::InterruptGuard() : interrupt_before_(replace(SIGINT)), terminate_before_(replace(SIGTERM)) {}

InterruptGuard::~InterruptGuard() {
  std::signal(SIGINT, interrupt_before_);
  std::signal(SIGTERM, terminate_before_);
}

int InterruptGuard::signal() { return noted; }

}  // namespace scorematch::cli
