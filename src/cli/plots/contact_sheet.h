/// @file
/// Samples that are pictures, side by side.
#pragma once
#include "cli/data/matrix.h"
#include "cli/plots/canvas.h"

namespace scorematch::cli {

struct SheetOptions {
  float black = 0;  // the value drawn black; more than `white` for dark figures on white
  float white = 1;  // values beyond the two are clamped
  int columns = 0;  // pictures per row; 0: a nearly square sheet
  int zoom = 0;     // pixels per value; 0: pictures of about 64 pixels, smaller if there are many
};

/// Whether a sheet of this many pictures can be drawn.
/// @throws Error invalid_argument
void check_sheet(std::int64_t count, int height, int width, const SheetOptions& options = {});

/// Every row is a picture [height, width], row-major; values that are not finite are drawn red.
/// @throws Error invalid_argument
Canvas contact_sheet(const Matrix& samples, int height, int width, const SheetOptions& options = {});

}  // namespace scorematch::cli
