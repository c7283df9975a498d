// Zip archives made by hand, stored or deflated, as numpy.savez and numpy.savez_compressed write them.
#pragma once
#include <zlib.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace scorematch::test {

/// Raw DEFLATE.
inline std::string deflated(const std::string& bytes) {
  z_stream stream = {};
  deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// @param members name and content of each @param is_deflated whether members are deflated, not stored
/// @param has_zip64 whether sizes are in extra fields of 64 bits, as in the local headers of NumPy, and here also in
/// the directory
inline std::string zip(const std::vector<std::pair<std::string, std::string>>& members, bool is_deflated = false,
                       bool has_zip64 = false) {
  const auto put = [](std::string& to, std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) to += static_cast<char>(i < 8 ? value >> (8 * i) & 0xff : 0);
  };
  std::string file, directory;
  for (const auto& [name, bytes] : members) {
    const std::string data = is_deflated ? deflated(bytes) : bytes;
    const std::uint64_t offset = file.size();
    const auto crc = static_cast<std::uint64_t>(
        crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
    std::string common, extra;  // the part that both headers share, beginning at the flags
    put(common, 0, 2), put(common, is_deflated ? 8 : 0, 2), put(common, 0, 4), put(common, crc, 4);
    put(common, has_zip64 ? 0xffffffffu : data.size(), 4), put(common, has_zip64 ? 0xffffffffu : bytes.size(), 4);
    if (has_zip64) put(extra, 1, 2), put(extra, 16, 2), put(extra, bytes.size(), 8), put(extra, data.size(), 8);
    put(common, name.size(), 2), put(common, extra.size(), 2);
    put(file, 0x04034b50, 4), put(file, 45, 2);
    file += common + name + extra + data;
    put(directory, 0x02014b50, 4), put(directory, 45, 2), put(directory, 45, 2);
    directory += common;
    put(directory, 0, 10), put(directory, offset, 4);
    directory += name + extra;
  }
  const std::uint64_t start = file.size();
  file += directory;
  put(file, 0x06054b50, 4), put(file, 0, 4), put(file, members.size(), 2), put(file, members.size(), 2);
  put(file, directory.size(), 4), put(file, start, 4), put(file, 0, 2);
  return file;
}

}  // namespace scorematch::test
