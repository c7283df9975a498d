#include "cli/npy.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <string_view>
#include <system_error>

#include "atomic_file.h"
#include "cli/npy_header.h"
#include "scorematch/error.h"

namespace scorematch::cli {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are copied as they lie in the file");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::int64_t kMaxHeaderBytes = 65535;  // version 1.0's limit; no numeric array needs more
constexpr std::size_t kDataAlignment = 64;       // bytes
constexpr std::int64_t kChunk = 1 << 16;         // elements converted at a time

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

class InputFile {
 public:
  explicit InputFile(const std::string& path) : path_(path), file_(std::fopen(path.c_str(), "rbe")) {
    if (!file_) refuse_file(path_, "cannot open: " + std::generic_category().message(errno));
    struct stat status = {};
    if (::fstat(::fileno(file_.get()), &status) != 0) {
      refuse_file(path_, "cannot ask for its size: " + std::generic_category().message(errno));
    }
    if (!S_ISREG(status.st_mode)) refuse_file(path_, "found a folder or a device, need a regular file");
    left_ = status.st_size;
  }

  std::int64_t left() const { return left_; }  // bytes

  void read(void* out, std::int64_t bytes, const char* field) {
    if (bytes > left_) {
      refuse_file(path_, std::string(field) + ": found the file's end after " + std::to_string(left_) +
                             " bytes, need " + std::to_string(bytes));
    }
    const auto wanted = static_cast<std::size_t>(bytes);
    errno = 0;
    if (std::fread(out, 1, wanted, file_.get()) != wanted) {
      const int error_number = errno;
      refuse_file(path_, std::string(field) + ": cannot read: " +
                             (error_number != 0 ? std::generic_category().message(error_number) : "the file shrank"));
    }
    left_ -= bytes;
  }

 private:
  const std::string& path_;
  std::unique_ptr<std::FILE, FileCloser> file_;
  std::int64_t left_ = 0;
};

std::string read_header_text(const std::string& path, InputFile& file) {
  char magic[6];
  file.read(magic, sizeof magic, "magic");
  if (std::string_view(magic, sizeof magic) != kMagic) {
    const bool is_zip = std::string_view(magic, 2) == "PK";
    refuse_file(path, "magic: found " + quoted({magic, sizeof magic}) + ", need " + quoted(kMagic) +
                          (is_zip ? " (an .npz? save one of its arrays by numpy.save)" : ""));
  }
  unsigned char version[2];
  file.read(version, sizeof version, "version");
  if (version[0] < 1 || version[0] > 3 || version[1] != 0) {
    refuse_file(path, "version: found " + std::to_string(version[0]) + "." + std::to_string(version[1]) +
                          ", need 1.0, 2.0 or 3.0");
  }
  std::uint32_t length = 0;  // bytes; little-endian: two of them in version 1.0, then four
  file.read(&length, version[0] == 1 ? 2 : 4, "header length");
  const std::int64_t most = std::min(file.left(), kMaxHeaderBytes);
  if (length > most) {
    refuse_file(path, "header length: found " + std::to_string(length) + " bytes, need at most " +
                          std::to_string(most) + (most == file.left() ? ", what is left of the file" : ""));
  }
  std::string text(length, '\0');
  file.read(text.data(), length, "header");
  return text;
}

std::int64_t element_bytes(const std::string& path, const std::string& descr) {
  if (descr == "<f4") return 4;
  if (descr == "<f8") return 8;
  if (descr == "|u1") return 1;
  const bool is_big_endian = !descr.empty() && descr[0] == '>';
  refuse_file(path, "descr: found " + quoted(descr) + (is_big_endian ? " (big-endian)" : "") +
                        ", need '<f4', '<f8' or '|u1'; convert it by array.astype('<f4')");
}

/// Elements of the shape, once it is known to be what the rest of the file holds.
std::int64_t count_elements(const std::string& path, const NpyHeader& header, std::int64_t item_bytes,
                            std::int64_t bytes_left) {
  const std::string found = "shape: found " + shape_text(header.shape);
  if (header.shape.empty()) refuse_file(path, found + ", a single number; need [N, dim]");
  std::int64_t count = 1;
  for (const std::int64_t extent : header.shape) {
    if (extent < 0) refuse_file(path, found + ", need extents of 1 or more");
    if (extent == 0) refuse_file(path, found + ", an empty array; need at least one row and one column");
    if (count > std::numeric_limits<std::int64_t>::max() / item_bytes / extent) {
      refuse_file(path, found + ", more than 64 bits can count; need " + std::to_string(bytes_left) +
                            " bytes of data, what the file holds");
    }
    count *= extent;
  }
  if (count * item_bytes != bytes_left) {
    refuse_file(path, found + " of " + quoted(header.descr) + ", " + std::to_string(count * item_bytes) +
                          " bytes; need " + std::to_string(bytes_left) + ", what the file holds after its header");
  }
  return count;
}

double decode(const unsigned char* bytes, std::int64_t item_bytes) {
  if (item_bytes == 1) return *bytes;
  if (item_bytes == 4) {
    float value;
    std::memcpy(&value, bytes, sizeof value);
    return static_cast<double>(value);
  }
  double value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// Row-major offsets of the elements in the order in which the file has them.
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

}  // namespace

Table read_npy(const std::string& path) {
  InputFile file(path);
  const NpyHeader header = parse_npy_header(path, read_header_text(path, file));
  const std::int64_t item_bytes = element_bytes(path, header.descr);
  const std::int64_t count = count_elements(path, header, item_bytes, file.left());

  Table table;
  table.rows = header.shape[0], table.cols = count / header.shape[0];
  table.row_shape.assign(header.shape.begin() + 1, header.shape.end());
  table.element = item_bytes == 1 ? Element::uint8 : item_bytes == 4 ? Element::float32 : Element::float64;
  try {
    table.values.resize(static_cast<std::size_t>(count));
  } catch (const std::exception&) {
    throw Error(ErrorCode::out_of_memory, path,
                path + ": no memory for " + std::to_string(count) + " values of 8 bytes");
  }

  std::vector<unsigned char> chunk(static_cast<std::size_t>(std::min(count, kChunk) * item_bytes));
  ElementOrder order(header);
  for (std::int64_t first = 0; first < count; first += kChunk) {
    const std::int64_t length = std::min(kChunk, count - first);
    file.read(chunk.data(), length * item_bytes, "data");
    for (std::int64_t i = 0; i < length; ++i) {
      const double value = decode(chunk.data() + i * item_bytes, item_bytes);
      const std::int64_t offset = order.next();
      check_value(path, value, offset / table.cols, offset % table.cols);
      table.values[static_cast<std::size_t>(offset)] = value;
    }
  }
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
