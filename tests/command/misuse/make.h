// Helpers that make the files that the tables name.
#pragma once
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>

#include "cli/files/npy.h"
#include "command/misuse/misuse.h"
#include "support/arrays.h"

namespace scorematch::testing_support {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// The data files of misuse_inputs().
const std::map<std::string, Make>& data_inputs();

inline cli::Matrix normal_matrix(std::int64_t rows, std::int64_t cols, unsigned seed = 1) {
  const std::vector<double> z = normal_values(rows * cols, seed);
  return {rows, cols, {z.begin(), z.end()}};
}

inline std::string npy(const std::string& descr, const std::string& shape, const std::string& data, char version = 1) {
  const std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
  return "\x93NUMPY" + std::string{version, '\0', static_cast<char>(header.size()), '\0'} + header + data;
}

/// A literal that may contain zero bytes, without its final zero.
template <std::size_t N>
std::string literal(const char (&text)[N]) {
  return {text, N - 1};
}

inline std::string idx(const std::string& type_and_axes, const std::string& shape, const std::string& data = "") {
  return std::string(2, '\0') + type_and_axes + shape + data;
}

template <class T>
std::string bytes_of(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

inline Make bytes(const std::string& content) {
  return [=](const std::string& path) { write_file(path, content); };
}

inline Make matrix(const cli::Matrix& values) {
  return [=](const std::string& path) { cli::write_npy(path, values); };
}

inline Make cut(const Make& make, std::size_t from_the_end) {
  return [=](const std::string& path) {
    make(path);
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - from_the_end);
  };
}

inline Make gzip(const std::string& content) {
  return [=](const std::string& path) {
    gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
    gzclose(file);
  };
}

/// Changes a byte in the middle.
inline Make broken(const Make& make) {
  return [=](const std::string& path) {
    make(path);
    std::string content = read_file(path);
    char& middle = content[content.size() / 2];
    middle = static_cast<char>(middle ^ 0x55);
    write_file(path, content);
  };
}

}  // namespace scorematch::testing_support
