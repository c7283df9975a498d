#include "cli/files/npy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <string_view>

#include "cli/files/gzip_input.h"
#include "cli/files/npy_header.h"
#include "cli/files/npy_type.h"
#include "cli/options/free_memory.h"
#include "formats/atomic_file.h"
#include "formats/spec_text.h"
#include "scorematch/error.h"

namespace scorematch::cli {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "samples are written as they are in memory");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::int64_t kMaxHeaderBytes = 65535;  // version 1.0's limit; no numeric array needs more
constexpr std::size_t kDataAlignment = 64;       // bytes
constexpr std::int64_t kChunk = 1 << 16;         // elements converted at a time

std::string read_header_text(ByteSource& file) {
  const std::string& path = file.name();
  char magic[6];
  file.read(magic, sizeof magic, "magic");
  if (std::string_view(magic, sizeof magic) != kMagic)
    refuse_file(path, "magic: found " + quoted({magic, sizeof magic}) + ", need " + quoted(kMagic));
  unsigned char version[2];
  file.read(version, sizeof version, "version");
  if (version[0] < 1 || version[0] > 3 || version[1] != 0) {
    refuse_file(path, "version: found " + std::to_string(version[0]) + "." + std::to_string(version[1]) +
                          ", need 1.0, 2.0 or 3.0");
  }
  std::uint32_t length = 0;  // bytes; little-endian: two of them in version 1.0, then four
  file.read(&length, version[0] == 1 ? 2 : 4, "header length");
  const std::int64_t left = file.left(), most = left < 0 ? kMaxHeaderBytes : std::min(left, kMaxHeaderBytes);
  if (length > most) {
    refuse_file(path, "header length: found " + std::to_string(length) + " bytes, need at most " +
                          std::to_string(most) + (most == left ? ", what is left of the file" : ""));
  }
  std::string text(length, '\0');
  file.read(text.data(), length, "header");
  return text;
}

/// The number of elements of the shape.
/// @param bytes_left that the file holds after its header, which must agree with the shape; -1: not known before they
/// are decompressed
std::int64_t count_elements(const std::string& path, const NpyHeader& header, std::int64_t item_bytes,
                            std::int64_t bytes_left) {
  const std::string found = "shape: found " + shape_text(header.shape);
  if (header.shape.empty()) refuse_file(path, found + ", a single number; need [N, dim]");
  std::int64_t count = 1;
  for (const std::int64_t extent : header.shape) {
    if (extent < 0) refuse_file(path, found + ", need extents of 1 or more");
    if (extent == 0) refuse_file(path, found + ", an empty array; need at least one row and one column");
    if (count > std::numeric_limits<std::int64_t>::max() / 8 / extent)
      refuse_file(path, found + ", more than 64 bits can count");
    count *= extent;
  }
  if (bytes_left >= 0 && count * item_bytes != bytes_left) {
    refuse_file(path, found + " of " + quoted(header.descr) + ", " + std::to_string(count * item_bytes) +
                          " bytes; need " + std::to_string(bytes_left) + ", what the file holds after its header");
  }
  return count;
}

/// Row-major offsets of the elements, in the order of the file.
class ElementOrder {
 public:
  explicit ElementOrder(const NpyHeader& header)
      : shape_(header.shape), index_(shape_.size()), strides_(shape_.size()) {
    std::int64_t stride = 1;
    for (std::size_t axis = shape_.size(); axis-- > 0; stride *= shape_[axis]) strides_[axis] = stride;
    if (!header.fortran_order) {
      shape_ = {stride};
      index_ = {0};
      strides_ = {1};
    }
  }

  std::int64_t next() {
    const std::int64_t offset = offset_;
    for (std::size_t axis = 0; axis < shape_.size(); ++axis) {
      offset_ += strides_[axis];
      if (++index_[axis] < shape_[axis]) break;
      offset_ -= index_[axis] * strides_[axis];
      index_[axis] = 0;
    }
    return offset;
  }

 private:
  std::vector<std::int64_t> shape_, index_, strides_;  // first axis fastest
  std::int64_t offset_ = 0;
};

/// Refuses infinite values, and whole numbers of 64 bits that double cannot represent.
void check_element(const std::string& path, const NpyType& type, double value, std::int64_t row, std::int64_t col) {
  constexpr double kMost = 9007199254740992;  // 2^53
  const bool is_long = type.element == Element::int64 || type.element == Element::uint64;
  if (is_long && std::abs(value) >= kMost)
    refuse_file(path, "data: found " + number_text(value) + " or a neighbor of it" + place_text(row, col) +
                          ", need whole numbers between -2^53 and 2^53, which float64 can tell apart; subtract an "
                          "offset from the column first");
  if (std::isinf(value)) refuse_value(path, value, row, col);
}

/// From the order of the file to row-major order.
void to_row_major(const NpyHeader& header, std::vector<double>& values) {
  std::vector<double> sorted(values.size());
  ElementOrder order(header);
  for (const double each : values) sorted[static_cast<std::size_t>(order.next())] = each;
  values.swap(sorted);
}

}  // namespace

Table read_npy(const std::string& path, Missing missing) {
  GzipInput file(path);
  return read_npy(file, missing);
}

Table read_npy(ByteSource& file, Missing missing) {
  const std::string& path = file.name();
  const NpyHeader header = parse_npy_header(path, read_header_text(file));
  const NpyType type = npy_type(path, header.descr);
  const std::int64_t count = count_elements(path, header, type.bytes, file.left());
  const bool is_sorted = !header.fortran_order || header.shape.size() == 1;
  check_free_memory(path, "shape " + shape_text(header.shape), count * 8 * (is_sorted ? 1 : 2));

  Table table;
  table.rows = header.shape[0], table.cols = count / header.shape[0];
  table.row_shape.assign(header.shape.begin() + 1, header.shape.end());
  table.element = type.element;
  try {
    table.values.reserve(static_cast<std::size_t>(count));
    std::vector<unsigned char> chunk(static_cast<std::size_t>(std::min(count, kChunk) * type.bytes));
    ElementOrder order(header);
    for (std::int64_t first = 0; first < count; first += kChunk) {
      const std::int64_t length = std::min(kChunk, count - first);
      file.read(chunk.data(), length * type.bytes, "data");
      for (std::int64_t i = 0; i < length; ++i) {
        const double value = decode_npy(type, chunk.data() + i * type.bytes);
        const std::int64_t offset = order.next(), row = offset / table.cols, col = offset % table.cols;
        check_element(path, type, value, row, col);
        if (std::isnan(value) && missing == Missing::refuse) refuse_missing(path, row, col);
        table.values.push_back(value);
      }
    }
    if (!is_sorted) to_row_major(header, table.values);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, path,
                path + ": no memory for " + std::to_string(count) + " values of 8 bytes");
  }
  if (!file.at_end())
    refuse_file(path, "data: found more bytes than shape " + shape_text(header.shape) + " has, need its end");
  return table;
}

void write_npy(const std::string& path, const Matrix& matrix) { write_npy_table(path, widened(matrix)); }

void write_npy_table(const std::string& path, const Table& table) {
  const auto count = static_cast<std::int64_t>(table.values.size());
  if (table.rows < 0 || table.cols < 0 || (table.cols == 0 ? count != 0 : count % table.cols != 0) ||
      (table.cols != 0 && count / table.cols != table.rows)) {
    throw Error(ErrorCode::invalid_argument, "table",
                "table: expected rows x cols values, got " + shape_text({table.rows, table.cols}) + " with " +
                    std::to_string(count));
  }
  const bool is_wide = needs_float64(table.element);
  std::string header = std::string("{'descr': '") + (is_wide ? "<f8" : "<f4") +
                       "', 'fortran_order': False, 'shape': " + shape_text({table.rows, table.cols}) + ", }";
  const std::size_t prefix_bytes = kMagic.size() + 4;  // magic, version, length of the header
  while ((prefix_bytes + header.size() + 1) % kDataAlignment != 0) header += ' ';
  header += '\n';

  std::string prefix(kMagic);
  prefix += {'\x01', '\x00', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  AtomicFile file(path);
  file.write(prefix.data(), prefix.size());
  file.write(header.data(), header.size());
  if (is_wide) {
    file.write(table.values.data(), table.values.size() * sizeof(double));
  } else {
    const Matrix floats = rounded(table);
    file.write(floats.values.data(), floats.values.size() * sizeof(float));
  }
  file.commit();
}

}  // namespace scorematch::cli
