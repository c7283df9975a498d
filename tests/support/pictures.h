/// @file
/// Measurements of a picture.
#pragma once
#include <cstdint>
#include <ostream>
#include <string>

#include "cli/plots/canvas.h"
#include "cli/plots/palette.h"
#include "scorematch/error.h"

namespace scorematch::cli {

constexpr Color kWhite{255, 255, 255}, kBlack{0, 0, 0};

inline std::ostream& operator<<(std::ostream& out, Color c) {
  return out << '(' << int{c.red} << ' ' << int{c.green} << ' ' << int{c.blue} << ')';
}

/// Ink in units of whole black pixels on white.
inline double ink(const Canvas& canvas) {
  double sum = 0;
  for (const std::uint8_t value : canvas.pixels()) sum += (255 - value) / 765.0;
  return sum;
}

inline int count_color(const Canvas& canvas, Color color) {
  int count = 0;
  for (int y = 0; y < canvas.height(); ++y) {
    for (int x = 0; x < canvas.width(); ++x) count += canvas.at(x, y) == color;
  }
  return count;
}

/// The argument that the invalid_argument Error of the action names; "none" if it does not throw.
template <class Action>
std::string argument_at_fault(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code() == ErrorCode::invalid_argument ? error.argument() : "another code";
  }
  return "none";
}

}  // namespace scorematch::cli
