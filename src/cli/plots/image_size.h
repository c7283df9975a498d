/// @file
/// The size of pictures, as options give it.
#pragma once
#include <string>

namespace scorematch::cli {

struct ImageSize {
  int height = 0, width = 0;
};

/// "8x8", of --image. @throws CLI::ValidationError
ImageSize parse_image(const std::string& text);

}  // namespace scorematch::cli
