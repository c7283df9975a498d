/// @file
/// A file read from its beginning to its end, whether or not it is compressed by gzip.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

struct gzFile_s;

namespace scorematch::cli {

class GzipInput {
 public:
  /// @throws Error io, as every function here
  explicit GzipInput(const std::string& path);

  /// Up to `bytes` of them; fewer only at the end.
  std::int64_t read_some(void* out, std::int64_t bytes);
  /// All of them. @param field what they are, for a message
  void read(void* out, std::int64_t bytes, const char* field);
  bool at_end();
  /// Up to the next '\\n', without it and without a '\\r' before it; false at the end.
  bool read_line(std::string& line);

 private:
  struct Closer {
    void operator()(gzFile_s* file) const;
  };
  bool fill();

  std::string path_;
  std::unique_ptr<gzFile_s, Closer> file_;
  std::string buffer_;
  std::size_t next_ = 0;  // of the buffer, not yet read
};

}  // namespace scorematch::cli
