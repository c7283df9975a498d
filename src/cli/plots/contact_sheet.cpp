#include "cli/plots/contact_sheet.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "cli/plots/palette.h"
#include "scorematch/error.h"

namespace scorematch::cli {
namespace {

constexpr Color kGap{206, 210, 216};
constexpr int kPictureSize = 64;  // pixels aimed at
constexpr int kSheetSize = 1600;  // pixels; a larger sheet is magnified less

[[noreturn]] void refuse(const char* argument, const std::string& message) {
  throw Error(ErrorCode::invalid_argument, argument, std::string(argument) + ": " + message);
}

void check(const Matrix& samples, int height, int width, const SheetOptions& options) {
  if (height < 1 || width < 1 || samples.cols != std::int64_t{height} * width ||
      static_cast<std::int64_t>(samples.values.size()) != samples.rows * samples.cols) {
    refuse("samples", "expected [N, " + std::to_string(height) + " x " + std::to_string(width) + "], got [" +
                          std::to_string(samples.rows) + ", " + std::to_string(samples.cols) + "] with " +
                          std::to_string(samples.values.size()) + " values");
  }
  if (!std::isfinite(options.black) || !std::isfinite(options.white) || options.black == options.white) {
    refuse("black", "expected a finite value other than white's, got black " + std::to_string(options.black) +
                        " and white " + std::to_string(options.white));
  }
  if (options.columns < 0) refuse("columns", "expected 0 or more, got " + std::to_string(options.columns));
  if (options.zoom < 0) refuse("zoom", "expected 0 or more, got " + std::to_string(options.zoom));
}

/// Nearly square in pixels, and a little wider if that fills the last row.
std::int64_t choose_columns(std::int64_t count, int height, int width) {
  const double square = std::sqrt(static_cast<double>(count) * height / width);
  const auto least = std::clamp(static_cast<std::int64_t>(std::ceil(square)), std::int64_t{1}, count);
  for (std::int64_t columns = least; columns <= std::min(count, least + least / 2); ++columns) {
    if (count % columns == 0) return columns;
  }
  return least;
}

Color shade(float value, const SheetOptions& options) {
  if (!std::isfinite(value)) return kRed;
  const double black = static_cast<double>(options.black), white = static_cast<double>(options.white);
  const double level = std::clamp((static_cast<double>(value) - black) / (white - black), 0.0, 1.0);
  const auto grey = static_cast<std::uint8_t>(std::lround(255 * level));
  return {grey, grey, grey};
}

struct Layout {
  std::int64_t columns, zoom;
  int gap, margin;    // pixels
  int width, height;  // pixels, of the sheet
};

Layout choose_layout(std::int64_t pictures, int height, int width, const SheetOptions& options) {
  const std::int64_t count = std::max(pictures, std::int64_t{1});
  const std::int64_t columns =
      options.columns > 0 ? std::min<std::int64_t>(options.columns, count) : choose_columns(count, height, width);
  const std::int64_t rows = (count + columns - 1) / columns;

  const std::int64_t longest = std::max(columns * width, rows * height);
  const auto most = std::max(kSheetSize / longest, std::int64_t{1});
  const std::int64_t zoom =
      options.zoom > 0
          ? options.zoom
          : std::clamp<std::int64_t>((kPictureSize + std::max(width, height) / 2) / std::max(width, height), 1, most);
  const int gap = static_cast<int>(std::clamp<std::int64_t>(zoom / 2, 1, 4)), margin = 4 * gap;

  // If it is larger than a canvas can be, the canvas' constructor says so.
  const auto extent = [&](std::int64_t cells, std::int64_t values) {
    constexpr std::int64_t kBeyond = 1 << 20;
    return static_cast<int>(
        std::min(kBeyond, std::min(kBeyond, cells) * (std::min(kBeyond, values * zoom) + gap) + gap + 2 * margin));
  };
  return {columns, zoom, gap, margin, extent(columns, width), extent(rows, height)};
}

}  // namespace

void check_sheet(std::int64_t count, int height, int width, const SheetOptions& options) {
  const Layout layout = choose_layout(count, height, width, options);
  check_canvas(layout.width, layout.height);
}

Canvas contact_sheet(const Matrix& samples, int height, int width, const SheetOptions& options) {
  check(samples, height, width, options);
  const auto [columns, zoom, gap, margin, sheet_width, sheet_height] =
      choose_layout(samples.rows, height, width, options);
  Canvas canvas(sheet_width, sheet_height, kPage);
  const int cell_width = width * static_cast<int>(zoom) + gap, cell_height = height * static_cast<int>(zoom) + gap;
  for (std::int64_t i = 0; i < samples.rows; ++i) {
    const int left = margin + static_cast<int>(i % columns) * cell_width;
    const int top = margin + static_cast<int>(i / columns) * cell_height;
    canvas.fill_rect({left, top, cell_width + gap, cell_height + gap}, kGap);
    const float* picture = samples.values.data() + i * samples.cols;
    for (int row = 0; row < height; ++row) {
      for (int col = 0; col < width; ++col) {
        const int size = static_cast<int>(zoom);
        canvas.fill_rect({left + gap + col * size, top + gap + row * size, size, size},
                         shade(picture[row * width + col], options));
      }
    }
  }
  return canvas;
}

}  // namespace scorematch::cli
