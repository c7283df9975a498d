/// @file
/// A file read from beginning to end, compressed with gzip or not.
#pragma once
#include <memory>

#include "cli/files/byte_source.h"

struct gzFile_s;

namespace scorematch::cli {

class GzipInput : public ByteSource {
 public:
  /// @throws Error io, like every function here
  explicit GzipInput(const std::string& path);

  bool is_compressed() const { return size_ < 0; }
  /// Known if the file is not compressed.
  std::int64_t left() const override { return size_ < 0 ? -1 : size_ - fetched_ + buffered(); }

 protected:
  std::int64_t fetch(char* out, std::int64_t bytes) override;

 private:
  struct Closer {
    void operator()(gzFile_s* file) const;
  };

  std::unique_ptr<gzFile_s, Closer> file_;
  std::int64_t size_ = -1, fetched_ = 0;  // bytes
};

}  // namespace scorematch::cli
