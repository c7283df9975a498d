/// @file
/// The colors of every picture; color-blind readers can tell blue and orange apart.
#pragma once
#include "cli/plots/canvas.h"

namespace scorematch::cli {

constexpr Color kPage{255, 255, 255};
constexpr Color kInk{32, 36, 42};
constexpr Color kMuted{95, 102, 112};
constexpr Color kAxis{150, 156, 164};
constexpr Color kGrid{231, 234, 238};
constexpr Color kBlue{31, 104, 178};
constexpr Color kOrange{217, 104, 13};
constexpr Color kRed{205, 32, 44};

}  // namespace scorematch::cli
