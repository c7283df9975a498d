/// @file
/// Bytes that are read once, from beginning to end: of a file, of a compressed file, of an archive's member.
#pragma once
#include <cstdint>
#include <string>

namespace scorematch::cli {

class ByteSource {
 public:
  /// @param name for messages
  explicit ByteSource(std::string name) : name_(std::move(name)) {}
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  const std::string& name() const { return name_; }
  /// Up to `bytes` of them; fewer only at the end.
  /// @throws Error io, like every function here
  std::int64_t read_some(void* out, std::int64_t bytes);
  /// All of them. @param field what they are, for a message
  void read(void* out, std::int64_t bytes, const char* field);
  /// The next bytes, without consuming them: `bytes` of them, at most a buffer's; fewer only at the end.
  std::string peek(std::size_t bytes);
  bool at_end() { return peek(1).empty(); }
  /// How many bytes are left, if that is known before they are read; else -1.
  virtual std::int64_t left() const = 0;

 protected:
  /// Up to `bytes` more; 0 only at the end.
  virtual std::int64_t fetch(char* out, std::int64_t bytes) = 0;
  std::int64_t buffered() const { return static_cast<std::int64_t>(buffer_.size() - next_); }

 private:
  void fill(std::size_t bytes);

  std::string name_;
  std::string buffer_;
  std::size_t next_ = 0;  // of the buffer, not yet read
};

}  // namespace scorematch::cli
