/// @file
/// The progress of training, while it runs.
#pragma once
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

namespace scorematch::cli {

struct Terminal {
  bool is_interactive = false;  // a line can be redrawn
  int columns = 0;              // 0: ask at every redraw, because windows are resized
};

/// Interactive if `out` is a terminal that can redraw (TERM other than "dumb").
Terminal detect_terminal(std::FILE* out);

/// On a terminal one line, redrawn at most ten times per second; elsewhere a plain line at the first update, at every
/// twentieth of the run and at its end. Errors of `out` are ignored: training matters more. For one thread.
class Progress {
 public:
  using Clock = std::function<double()>;  // seconds, never backwards

  /// A resumed run starts at `first_step` of `total_steps`; its speed counts from there.
  /// @param out null: nothing is printed
  Progress(std::FILE* out, std::int64_t total_steps, std::int64_t first_step = 0);
  Progress(std::FILE* out, std::int64_t total_steps, std::int64_t first_step, Terminal terminal, Clock clock);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Ends the line, so that whatever is printed next (perhaps an error) begins on a new one.
  ~Progress();

  /// Whether update(step, ...) would print now, so that the caller reads the loss from a device only then.
  bool is_due(std::int64_t step) const;
  /// After `step` steps; `samples_done` counts from the start of this run. Cheap when nothing is due.
  void update(std::int64_t step, std::int64_t samples_done, double loss, double standard_error);
  /// A note at the end of the line from now on, if there is room for it.
  void set_note(const std::string& note) { note_ = note; }
  /// Shows the last update, with the time the run took. Later updates print nothing.
  void finish();

 private:
  struct State {
    std::int64_t step = 0, samples = 0;
    double loss = 0, standard_error = 0;
  };
  std::string describe(bool is_final, int columns) const;
  void print(bool is_final);

  std::FILE* out_;
  std::int64_t total_, first_;
  Terminal terminal_;
  Clock clock_;
  double start_;
  State last_;
  std::string note_;
  bool has_update_ = false, is_shown_ = false, is_finished_ = false, is_line_open_ = false;
  double printed_at_ = 0;  // seconds
  std::int64_t printed_step_ = -1;
};

/// "8s", "2m 05s", "3h 07m", "2d 04h".
std::string format_duration(double seconds);
/// "950", "1.20k", "34.5M": three digits.
std::string format_rate(double value);
/// "-12.346 ± 0.021": two digits of the error, or five digits of the value if there is no error.
std::string format_measurement(double value, double standard_error);
/// As much of the UTF-8 text as fits into `columns`, with one column per code point.
std::string fit_columns(const std::string& text, int columns);

}  // namespace scorematch::cli
