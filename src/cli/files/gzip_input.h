/// @file
/// A file read from its beginning to its end, whether or not it is compressed by gzip.
#pragma once
#include <memory>

#include "cli/files/byte_source.h"

struct gzFile_s;

namespace scorematch::cli {

class GzipInput : public ByteSource {
 public:
  /// @throws Error io, as every function here
  explicit GzipInput(const std::string& path);

  bool is_compressed() const { return size_ < 0; }
  /// Known where the file is not compressed.
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
