/// @file
/// Writes pictures to files.
#pragma once
#include <string>

#include "cli/plots/canvas.h"

namespace scorematch::cli {

/// 8-bit RGB; a failure leaves the old file. @throws Error io
void write_png(const std::string& path, const Canvas& canvas);

}  // namespace scorematch::cli
