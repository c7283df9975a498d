#include "cli/files/png_file.h"

#include <png.h>

#include "formats/atomic_file.h"
#include "scorematch/error.h"

namespace scorematch::cli {

void write_png(const std::string& path, const Canvas& canvas) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(canvas.width());
  image.height = static_cast<png_uint_32>(canvas.height());
  image.format = PNG_FORMAT_RGB;

  // libpng's simplified interface: it frees what it allocated and never jumps past our destructors.
  png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<unsigned char> encoded(bytes);
  if (png_image_write_to_memory(&image, encoded.data(), &bytes, 0, canvas.pixels().data(), 0, nullptr) == 0) {
    throw Error(ErrorCode::io, path, path + ": cannot encode the picture: " + image.message);
  }
  write_file_atomically(path, encoded.data(), bytes);
}

}  // namespace scorematch::cli
