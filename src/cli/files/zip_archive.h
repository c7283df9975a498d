/// @file
/// Zip archives as numpy.savez writes them: members stored or deflated, also of more than 4 GiB (ZIP64).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/files/byte_source.h"

namespace scorematch::cli {

struct ZipMember {
  std::string name;
  int method = 0;  // 0: stored, 8: deflated
  bool is_encrypted = false;
  std::uint32_t crc = 0;
  std::int64_t compressed_bytes = 0, bytes = 0;
  std::int64_t header_offset = 0;  // of the local header in the file
};

/// The members, in the order of the archive's directory, which is checked against the file's size.
/// @throws Error io naming the file, the field, the value found and the value needed
std::vector<ZipMember> list_zip(const std::string& path);

/// A member's bytes; its length and its checksum are checked at their end. @throws Error io
std::unique_ptr<ByteSource> open_zip_member(const std::string& path, const ZipMember& member);

}  // namespace scorematch::cli
