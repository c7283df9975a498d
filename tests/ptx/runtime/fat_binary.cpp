#include "ptx/runtime/fat_binary.h"

#include <cstdlib>
#include <cstring>

#include "ptx/runtime/state.h"

namespace ptx::runtime {
namespace {

constexpr u32 kWrapperMagic = 0x466243b1;
constexpr u16 kPtxEntry = 1;
constexpr u64 kCompressed = 0x8000;  // in the flags of an entry

template <class T>
T read(const u8* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// The code for one architecture: a header, then the payload.
struct Entry {
  u16 kind;
  u32 header_bytes, compressed_bytes;
  u64 payload_bytes, flags;
  const u8* payload;

  explicit Entry(const u8* at)
      : kind(read<u16>(at)),
        header_bytes(read<u32>(at + 4)),
        compressed_bytes(read<u32>(at + 16)),
        payload_bytes(read<u64>(at + 8)),
        flags(read<u64>(at + 40)),
        payload(at + header_bytes) {}
  const u8* end() const { return payload + payload_bytes; }
  bool is_text() const { return *payload == '/' || *payload == '\n' || *payload == '.'; }
};

[[noreturn]] void refuse(const char* why) {
  say(why);
  std::abort();
}

}  // namespace

std::vector<std::string> ptx_of(const void* wrapper) {
  const auto* const head = static_cast<const u8*>(wrapper);
  if (read<u32>(head) != kWrapperMagic) refuse("the program does not register a fat binary");
  const auto* const data = read<const u8*>(head + 8);
  const u8* at = data + read<u16>(data + 6);
  const u8* const end = at + read<u64>(data + 8);

  std::vector<std::string> texts;
  while (at < end) {
    const Entry entry(at);
    at = entry.end();
    if (entry.kind != kPtxEntry) continue;
    if (((entry.flags & kCompressed) != 0 || entry.compressed_bytes != 0) && !entry.is_text())
      refuse("the PTX is compressed: build with -no-compress");
    const auto* const text = reinterpret_cast<const char*>(entry.payload);
    texts.emplace_back(text, strnlen(text, entry.payload_bytes));
  }
  return texts;
}

}  // namespace ptx::runtime
