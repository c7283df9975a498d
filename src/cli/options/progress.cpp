#include "cli/options/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace scorematch::cli {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr int kPlainLines = 20;      // over a run, besides the first and the last
constexpr int kDefaultColumns = 80;  // if the terminal does not say
constexpr int kMinBar = 8, kMaxBar = 40;
constexpr int kUsualColumns = 69;  // of the line, including the brackets of its bar
constexpr char kStartOfLine[] = "\r", kEraseRest[] = "\x1b[K";

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int terminal_columns(std::FILE* out) {
  struct winsize size = {};
  if (::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return kDefaultColumns;
}

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[128];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

int count_columns(const std::string& text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

std::string draw_bar(double fraction, int width) {
  const int filled = static_cast<int>(fraction * width);
  std::string bar(static_cast<std::size_t>(filled), '=');
  if (filled < width) bar += '>';
  bar.resize(static_cast<std::size_t>(width), ' ');
  return "[" + bar + "] ";
}

}  // namespace

Terminal detect_terminal(std::FILE* out) {
  const char* kind = std::getenv("TERM");
  const bool is_dumb = kind == nullptr || std::string_view(kind) == "dumb";
  return {::isatty(::fileno(out)) == 1 && !is_dumb, 0};
}

Progress::Progress(std::FILE* out, std::int64_t total_steps, std::int64_t first_step)
    : Progress(out, total_steps, first_step, out != nullptr ? detect_terminal(out) : Terminal(), steady_seconds) {}

Progress::Progress(std::FILE* out, std::int64_t total_steps, std::int64_t first_step, Terminal terminal, Clock clock)
    : out_(out),
      total_(total_steps),
      first_(first_step),
      terminal_(terminal),
      clock_(std::move(clock)),
      start_(clock_()),
      is_finished_(out == nullptr) {}

Progress::~Progress() {
  if (out_ == nullptr) return;
  if (is_line_open_) std::fputc('\n', out_);
  std::fflush(out_);
}

bool Progress::is_due(std::int64_t step) const {
  if (is_finished_) return false;
  if (printed_step_ < 0 || (total_ > 0 && step >= total_)) return step != printed_step_;
  if (terminal_.is_interactive) return clock_() - printed_at_ >= kRedrawSeconds;
  const auto part = [&](std::int64_t s) {
    const double steps = static_cast<double>(std::max<std::int64_t>(total_ - first_, 1));
    return std::floor(static_cast<double>(s - first_) / steps * kPlainLines);
  };
  return part(step) > part(printed_step_);
}

void Progress::update(std::int64_t step, std::int64_t samples_done, double loss, double standard_error) {
  if (is_finished_) return;
  last_ = {step, samples_done, loss, standard_error};
  has_update_ = true;
  is_shown_ = false;
  if (is_due(step)) print(false);
}

void Progress::finish() {
  if (is_finished_) return;
  if (has_update_ && (terminal_.is_interactive || !is_shown_)) print(true);
  if (is_line_open_) std::fputc('\n', out_);
  std::fflush(out_);
  is_line_open_ = false;
  is_finished_ = true;
}

std::string Progress::describe(bool is_final, int columns) const {
  const double elapsed = std::max(clock_() - start_, 0.0);
  const double done = static_cast<double>(last_.step - first_), left = static_cast<double>(total_ - last_.step);
  const std::string total = std::to_string(total_), step = std::to_string(last_.step);
  const double fraction =
      total_ > 0 ? std::clamp(static_cast<double>(last_.step) / static_cast<double>(total_), 0.0, 1.0) : 0;

  std::string position = total_ > 0 ? step + "/" + total : step;
  position.insert(0, total.size() - std::min(total.size(), step.size()), ' ');
  const int percent = static_cast<int>(100 * fraction);
  std::string text = columns == 0 ? "step " + position : position;
  if (total_ > 0) text = columns == 0 ? text + format(" (%2d%%)", percent) : format("%3d%%  ", percent) + text;

  text += "  loss " + format_measurement(last_.loss, last_.standard_error);
  if (is_final || (total_ > 0 && left <= 0)) {
    text += "  in " + format_duration(elapsed);
  } else if (total_ > 0 && done > 0) {
    text += "  " + format_duration(elapsed / done * left) + " left";
  }
  if (elapsed > 0) text += "  " + format_rate(static_cast<double>(last_.samples) / elapsed) + " samples/s";
  const std::string note = note_.empty() ? "" : "  " + note_;
  if (columns == 0) return text + note;

  // One width for the whole run, so that the bar does not jump.
  const int width = std::min(columns - kUsualColumns, kMaxBar);
  if (total_ > 0 && width >= kMinBar) {
    const std::string with_bar = draw_bar(fraction, width) + text;
    if (count_columns(with_bar) <= columns) text = with_bar;
  }
  if (count_columns(text + note) <= columns) text += note;
  return fit_columns(text, columns);
}

void Progress::print(bool is_final) {
  if (terminal_.is_interactive) {
    // The last column stays free: a full line would wrap and could not be redrawn.
    const int columns = terminal_.columns > 0 ? terminal_.columns : terminal_columns(out_);
    const std::string text = kStartOfLine + describe(is_final, std::max(columns - 1, 1)) + kEraseRest;
    std::fwrite(text.data(), 1, text.size(), out_);
    is_line_open_ = true;
  } else {
    const std::string text = describe(is_final, 0) + "\n";
    std::fwrite(text.data(), 1, text.size(), out_);
  }
  std::fflush(out_);
  printed_at_ = clock_();
  printed_step_ = last_.step;
  is_shown_ = true;
}

std::string format_duration(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "a long time";
  const auto whole = static_cast<long long>(std::llround(seconds));
  const long long minutes = whole / 60, hours = minutes / 60, days = hours / 24;
  if (days > 0) return format("%lldd %02lldh", days, hours % 24);
  if (hours > 0) return format("%lldh %02lldm", hours, minutes % 60);
  if (minutes > 0) return format("%lldm %02llds", minutes, whole % 60);
  return format("%llds", whole);
}

std::string format_rate(double value) {
  const char* units[] = {"", "k", "M", "G", "T"};
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(units)) {
    value /= 1000;
    ++unit;
  }
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return format("%.*f%s", decimals, value, units[unit]);
}

std::string format_measurement(double value, double standard_error) {
  const bool is_readable = std::isfinite(value) && std::abs(value) < 1e7;
  if (!is_readable || !(standard_error >= 1e-9) || !(standard_error < 1e7)) return format("%.5g", value);
  const int decimals = std::max(0, 1 - static_cast<int>(std::floor(std::log10(standard_error))));
  return format("%.*f \u00b1 %.*f", decimals, value, decimals, standard_error);
}

std::string fit_columns(const std::string& text, int columns) {
  std::size_t bytes = 0;
  for (int used = 0; bytes < text.size() && used < columns; ++used) {
    do {
      ++bytes;
    } while (bytes < text.size() && is_continuation(text[bytes]));
  }
  return text.substr(0, bytes);
}

}  // namespace scorematch::cli
