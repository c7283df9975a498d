// IDX: two zero bytes, the element's type, the number of dimensions; each extent in 32 bits; the elements. The most
// significant byte comes first.
#include <cmath>
#include <cstring>
#include <exception>
#include <limits>
#include <vector>

#include "cli/files/idx.h"
#include "cli/files/npy_header.h"
#include "cli/options/free_memory.h"
#include "scorematch/error.h"

namespace scorematch::cli {
namespace {

int element_bytes(const std::string& path, unsigned char type) {
  switch (type) {
    case 0x08:  // unsigned
    case 0x09:
      return 1;
    case 0x0B:
      return 2;
    case 0x0C:
    case 0x0D:  // float
      return 4;
    case 0x0E:
      return 8;
    default:
      refuse_file(path, "type: found " + std::to_string(type) + ", need 8, 9, 11, 12, 13 or 14");
  }
}

Element element_of(unsigned char type) {
  switch (type) {
    case 0x08:
      return Element::uint8;
    case 0x09:
      return Element::int8;
    case 0x0B:
      return Element::int16;
    case 0x0C:
      return Element::int32;
    case 0x0D:
      return Element::float32;
    default:
      return Element::float64;
  }
}

double decode(const unsigned char* bytes, unsigned char type, int size) {
  std::uint64_t bits = 0;
  for (int i = 0; i < size; ++i) bits = bits << 8 | bytes[i];
  if (type == 0x08) return static_cast<double>(bits);
  if (type == 0x0D) {
    const auto half = static_cast<std::uint32_t>(bits);
    float value;
    std::memcpy(&value, &half, sizeof value);
    return static_cast<double>(value);
  }
  if (type == 0x0E) {
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  const std::uint64_t sign = std::uint64_t{1} << (8 * size - 1);
  return static_cast<double>(static_cast<std::int64_t>(bits ^ sign) - static_cast<std::int64_t>(sign));
}

}  // namespace

Table read_idx(ByteSource& file, Missing missing) {
  const std::string& path = file.name();
  unsigned char magic[4];
  file.read(magic, 4, "magic");
  if (magic[0] != 0 || magic[1] != 0)
    refuse_file(path, "magic: found " + quoted({reinterpret_cast<const char*>(magic), 2}) + ", need two zero bytes");
  const int size = element_bytes(path, magic[2]);
  if (magic[3] == 0) refuse_file(path, "dimensions: found 0, a single number; need [N, ...]");
  std::vector<std::int64_t> shape;
  std::int64_t count = 1;
  for (int axis = 0; axis < magic[3]; ++axis) {
    unsigned char extent[4];
    file.read(extent, 4, "shape");
    shape.push_back(static_cast<std::int64_t>(decode(extent, 0x08, 4)));
    if (shape.back() == 0) refuse_file(path, "shape: found " + shape_text(shape) + ", need extents of 1 or more");
    if (count > std::numeric_limits<std::int64_t>::max() / 8 / shape.back())
      refuse_file(path, "shape: found " + shape_text(shape) + ", more than 64 bits can count");
    count *= shape.back();
  }
  Table table;
  table.rows = shape[0], table.cols = count / shape[0];
  table.row_shape.assign(shape.begin() + 1, shape.end());
  table.element = element_of(magic[2]);
  if (file.left() >= 0 && count > file.left() / size)
    refuse_file(path, "data: found the file's end after " + std::to_string(file.left()) + " bytes, need " +
                          std::to_string(count) + " times " + std::to_string(size));
  check_free_memory(path, "shape " + shape_text(shape), count * 8);
  std::vector<unsigned char> chunk(std::size_t{1} << 16);
  const auto at_once = static_cast<std::int64_t>(chunk.size()) / size;
  // Grows as data arrive: an extent may be anything.
  for (std::int64_t first = 0; first < count; first += at_once) {
    const std::int64_t length = std::min(at_once, count - first);
    file.read(chunk.data(), length * size, "data");
    try {
      for (std::int64_t i = 0; i < length; ++i) {
        const double value = decode(chunk.data() + i * size, magic[2], size);
        const std::int64_t row = (first + i) / table.cols, col = (first + i) % table.cols;
        if (std::isinf(value)) refuse_value(path, value, row, col);
        if (std::isnan(value) && missing == Missing::refuse) refuse_missing(path, row, col);
        table.values.push_back(value);
      }
    } catch (const std::bad_alloc&) {
      throw Error(ErrorCode::out_of_memory, path,
                  path + ": no memory for " + std::to_string(count) + " values of 8 bytes");
    }
  }
  if (!file.at_end())
    refuse_file(path, "data: found more bytes than shape " + shape_text(shape) + " has, need its end");
  return table;
}

}  // namespace scorematch::cli
