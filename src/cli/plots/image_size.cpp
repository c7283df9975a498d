#include "cli/plots/image_size.h"

#include <charconv>

#include "cli/options/commands.h"

namespace scorematch::cli {

ImageSize parse_image(const std::string& text) {
  ImageSize size;
  const char *const begin = text.data(), *const end = begin + text.size();
  const auto [times, height_error] = std::from_chars(begin, end, size.height);
  const bool has_height = height_error == std::errc() && times != end && *times == 'x';
  const auto [rest, width_error] = std::from_chars(has_height ? times + 1 : end, end, size.width);
  if (width_error != std::errc() || rest != end || size.height < 1 || size.width < 1)
    refuse_option("--image", "HEIGHTxWIDTH, for example 8x8", "'" + text + "'");
  return size;
}

}  // namespace scorematch::cli
