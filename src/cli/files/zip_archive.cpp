// APPNOTE.TXT, PKWARE's ".ZIP File Format Specification" 6.3: sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14
// to 4.3.16 (its end) and 4.5.3 (sizes of 64 bits).
#include "cli/files/zip_archive.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "cli/files/npy_header.h"

namespace scorematch::cli {
namespace {

constexpr std::int64_t kLocalBytes = 30, kEntryBytes = 46, kEndBytes = 22, kLocatorBytes = 20, kEnd64Bytes = 56;
constexpr std::uint32_t kLocal = 0x04034b50, kEntry = 0x02014b50, kEnd = 0x06054b50, kLocator = 0x07064b50,
                        kEnd64 = 0x06064b50;
constexpr std::uint16_t kSizes64 = 1;            // id of an extra field
constexpr std::uint32_t kIs64 = 0xffffffffu;     // in place of a size that is in the extra field
constexpr std::int64_t kMaxDirectory = 1 << 28;  // bytes; some million members

/// A file that can be read at any place, never beyond its end.
class File {
 public:
  explicit File(const std::string& path) : path_(path), file_(std::fopen(path.c_str(), "rbe")) {
    if (!file_) refuse_file(path_, "cannot open: " + std::generic_category().message(errno));
    if (::fseeko(file_.get(), 0, SEEK_END) != 0 || (size_ = ::ftello(file_.get())) < 0)
      refuse_file(path_, "cannot ask for its size: " + std::generic_category().message(errno));
  }
  std::int64_t size() const { return size_; }

  void read_at(std::int64_t offset, void* out, std::int64_t bytes, const char* field) const {
    if (offset < 0 || bytes < 0 || offset > size_ || bytes > size_ - offset)
      refuse_file(path_, std::string("zip archive: ") + field + ": found " + std::to_string(bytes) +
                             " bytes at offset " + std::to_string(offset) + ", need a place within the file's " +
                             std::to_string(size_) + " bytes (is it cut off?)");
    errno = 0;
    if (::fseeko(file_.get(), offset, SEEK_SET) != 0 ||
        std::fread(out, 1, static_cast<std::size_t>(bytes), file_.get()) != static_cast<std::size_t>(bytes))
      refuse_file(path_, std::string("zip archive: ") + field + ": cannot read" +
                             (errno != 0 ? ": " + std::generic_category().message(errno) : ""));
  }

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Closer> file_;
  std::int64_t size_ = 0;
};

/// Little-endian, from a text that is long enough.
template <class T>
T number_at(const std::string& bytes, std::int64_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

struct Directory {
  std::int64_t offset = 0, bytes = 0;
};

Directory find_directory(const std::string& path, const File& file) {
  const std::int64_t length = std::min<std::int64_t>(file.size(), kEndBytes + 65535);  // a comment may follow
  std::string tail(static_cast<std::size_t>(length), '\0');
  file.read_at(file.size() - length, tail.data(), length, "end");
  std::int64_t at = length - kEndBytes;
  while (at >= 0 && number_at<std::uint32_t>(tail, at) != kEnd) --at;
  if (at < 0) refuse_file(path, "zip archive: found no directory at its end, need one (is the file cut off?)");
  Directory directory{number_at<std::uint32_t>(tail, at + 16), number_at<std::uint32_t>(tail, at + 12)};
  if (at >= kLocatorBytes && number_at<std::uint32_t>(tail, at - kLocatorBytes) == kLocator) {
    std::string end(static_cast<std::size_t>(kEnd64Bytes), '\0');
    file.read_at(number_at<std::int64_t>(tail, at - kLocatorBytes + 8), end.data(), kEnd64Bytes, "64-bit end");
    if (number_at<std::uint32_t>(end, 0) != kEnd64)
      refuse_file(path, "zip archive: found no 64-bit end where its locator points, need one");
    directory = {number_at<std::int64_t>(end, 48), number_at<std::int64_t>(end, 40)};
  }
  if (directory.bytes > kMaxDirectory)
    refuse_file(path, "zip archive: found a directory of " + std::to_string(directory.bytes) + " bytes, need at most " +
                          std::to_string(kMaxDirectory));
  return directory;
}

/// Sizes and offset that are 0xffffffff in the entry, in this order.
void read_sizes64(const std::string& path, const std::string& extra, ZipMember& member) {
  for (std::size_t at = 0; at + 4 <= extra.size();) {
    const auto id = number_at<std::uint16_t>(extra, static_cast<std::int64_t>(at));
    const std::size_t size = number_at<std::uint16_t>(extra, static_cast<std::int64_t>(at) + 2);
    std::size_t next = at + 4;
    const std::size_t end = std::min(extra.size(), next + size);
    if (id == kSizes64)
      for (std::int64_t* each : {&member.bytes, &member.compressed_bytes, &member.header_offset})
        if (*each == std::int64_t{kIs64}) {
          if (next + 8 > end) refuse_file(path, "zip archive: " + quoted(member.name) + ": found no size of 64 bits");
          *each = number_at<std::int64_t>(extra, static_cast<std::int64_t>(next));
          next += 8;
        }
    at = end;
  }
}

class MemberSource : public ByteSource {
 public:
  MemberSource(const std::string& path, const ZipMember& member)
      : ByteSource(path + ":" + member.name), file_(path), member_(member) {
    std::string local(static_cast<std::size_t>(kLocalBytes), '\0');
    file_.read_at(member.header_offset, local.data(), kLocalBytes, "local header");
    if (number_at<std::uint32_t>(local, 0) != kLocal)
      refuse_file(name(), "found no local header where the archive's directory points, need one");
    next_ =
        member.header_offset + kLocalBytes + number_at<std::uint16_t>(local, 26) + number_at<std::uint16_t>(local, 28);
    compressed_left_ = member.compressed_bytes;
    if (member.method == 8) {
      if (::inflateInit2(&stream_, -MAX_WBITS) != Z_OK)
        throw std::bad_alloc();  // the only failure with these arguments
      is_inflating_ = true;
    }
  }
  ~MemberSource() override {
    if (is_inflating_) ::inflateEnd(&stream_);
  }
  std::int64_t left() const override { return member_.bytes - done_ + buffered(); }

 protected:
  std::int64_t fetch(char* out, std::int64_t bytes) override {
    const std::int64_t most = std::min(bytes, std::int64_t{1} << 30);  // zlib counts in 32 bits
    const std::int64_t got = is_inflating_ ? inflate(out, most) : copy(out, most);
    crc_ = static_cast<std::uint32_t>(::crc32(crc_, reinterpret_cast<const Bytef*>(out), static_cast<uInt>(got)));
    done_ += got;
    if (got == 0 || done_ > member_.bytes) check_end();
    return got;
  }

 private:
  std::int64_t copy(char* out, std::int64_t most) {
    const std::int64_t count = std::min(most, compressed_left_);
    file_.read_at(next_, out, count, "data");
    next_ += count, compressed_left_ -= count;
    return count;
  }

  std::int64_t inflate(char* out, std::int64_t most) {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(most);
    while (stream_.avail_out == static_cast<uInt>(most) && !ended_) {
      if (stream_.avail_in == 0 && compressed_left_ > 0) {
        stream_.avail_in = static_cast<uInt>(copy(packed_, sizeof packed_));
        stream_.next_in = reinterpret_cast<Bytef*>(packed_);
      }
      const int code = ::inflate(&stream_, Z_NO_FLUSH);
      ended_ = code == Z_STREAM_END;
      if (!ended_ && code != Z_OK)
        refuse_file(name(),
                    std::string("cannot unpack: ") + (code == Z_BUF_ERROR      ? "found the end of its data too early"
                                                      : stream_.msg != nullptr ? stream_.msg
                                                                               : "no memory"));
    }
    return most - static_cast<std::int64_t>(stream_.avail_out);
  }

  void check_end() const {
    if (done_ != member_.bytes)
      refuse_file(name(), "found " + std::string(done_ > member_.bytes ? "more than " : "") +
                              std::to_string(std::min(done_, member_.bytes)) + " bytes, need " +
                              std::to_string(member_.bytes) + ", as the archive's directory says");
    if (crc_ != member_.crc)
      refuse_file(name(), "found a checksum that differs from the one in the archive's directory");
  }

  File file_;
  ZipMember member_;
  z_stream stream_ = {};
  bool is_inflating_ = false, ended_ = false;
  char packed_[1 << 14];
  std::int64_t next_ = 0, compressed_left_ = 0, done_ = 0;
  std::uint32_t crc_ = 0;
};

}  // namespace

std::vector<ZipMember> list_zip(const std::string& path) {
  const File file(path);
  const Directory directory = find_directory(path, file);
  std::string bytes(static_cast<std::size_t>(std::max<std::int64_t>(directory.bytes, 0)), '\0');
  file.read_at(directory.offset, bytes.data(), directory.bytes, "directory");
  std::vector<ZipMember> members;
  for (std::int64_t at = 0; at < directory.bytes;) {
    if (directory.bytes - at < kEntryBytes || number_at<std::uint32_t>(bytes, at) != kEntry)
      refuse_file(path, "zip archive: directory: found no entry at byte " + std::to_string(at) + ", need one");
    const std::int64_t name = number_at<std::uint16_t>(bytes, at + 28),
                       extra = number_at<std::uint16_t>(bytes, at + 30),
                       comment = number_at<std::uint16_t>(bytes, at + 32),
                       end = at + kEntryBytes + name + extra + comment;
    if (end > directory.bytes)
      refuse_file(path, "zip archive: directory: found an entry at byte " + std::to_string(at) +
                            " that is longer than the directory");
    ZipMember member;
    member.is_encrypted = (number_at<std::uint16_t>(bytes, at + 8) & 1) != 0;
    member.method = number_at<std::uint16_t>(bytes, at + 10);
    member.crc = number_at<std::uint32_t>(bytes, at + 16);
    member.compressed_bytes = number_at<std::uint32_t>(bytes, at + 20);
    member.bytes = number_at<std::uint32_t>(bytes, at + 24);
    member.header_offset = number_at<std::uint32_t>(bytes, at + 42);
    const auto name_at = static_cast<std::size_t>(at + kEntryBytes);
    member.name = bytes.substr(name_at, static_cast<std::size_t>(name));
    read_sizes64(path, bytes.substr(name_at + static_cast<std::size_t>(name), static_cast<std::size_t>(extra)), member);
    members.push_back(member);
    at = end;
  }
  return members;
}

std::unique_ptr<ByteSource> open_zip_member(const std::string& path, const ZipMember& member) {
  const std::string name = path + ":" + member.name;
  if (member.is_encrypted) refuse_file(name, "found an encrypted member, need one that is not");
  if (member.method != 0 && member.method != 8)
    refuse_file(name, "compression method: found " + std::to_string(member.method) +
                          ", need 0 (stored) or 8 (deflated), as numpy.savez and numpy.savez_compressed write");
  if (member.bytes < 0 || member.compressed_bytes < 0)
    refuse_file(name, "size: found a negative number of bytes, need 0 or more");
  if (member.method == 0 && member.bytes != member.compressed_bytes)
    refuse_file(name, "size: found " + std::to_string(member.bytes) + " bytes stored in " +
                          std::to_string(member.compressed_bytes) + ", need as many");
  return std::make_unique<MemberSource>(path, member);
}

}  // namespace scorematch::cli
