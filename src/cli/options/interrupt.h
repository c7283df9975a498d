/// @file
/// A long run that is asked to stop: by Ctrl-C, or by SIGTERM, as batch systems do when its time is up.
#pragma once
#include <atomic>

namespace scorematch::cli {

/// While it lives the first of these signals is only noted; a second one ends the program as usual. One that is
/// ignored, as Ctrl-C is in a script's background, stays so.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// SIGINT or SIGTERM; 0: none yet.
  static int signal();
  /// Whether there was one, for what has to be abandoned then.
  static const std::atomic<bool>& is_asked_to_stop();

 private:
  using Handler = void (*)(int);
  Handler interrupt_before_, terminate_before_;
};

}  // namespace scorematch::cli
