/// @file
/// A long run that is asked to stop, by Ctrl-C or by SIGTERM, which batch systems send when the time is up.
#pragma once
#include <atomic>

namespace scorematch::cli {

/// While it exists, the first of these signals is only recorded; a second one ends the program as usual, unless all are
/// recorded. A signal that is ignored, such as Ctrl-C in a script's background, remains ignored.
class InterruptGuard {
 public:
  enum class Second { ends, recorded };

  explicit InterruptGuard(Second second = Second::ends);
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// SIGINT or SIGTERM, whichever came first; 0: none yet.
  static int signal();
  /// Whether there was one, for work that has to be abandoned then.
  static const std::atomic<bool>& is_asked_to_stop();

 private:
  using Handler = void (*)(int);
  Handler interrupt_before_, terminate_before_;
};

}  // namespace scorematch::cli
