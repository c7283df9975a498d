// The files that the command reads and writes. cli_plots_test.cpp and cli_progress_test.cpp test its other parts.
#include <gtest/gtest.h>
#include <png.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "cli/files/npy.h"
#include "cli/files/png_file.h"
#include "formats/atomic_file.h"
#include "scorematch/error.h"
#include "support/files.h"

namespace scorematch::cli {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }
  std::string read(const std::string& name) const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::ptrdiff_t entries() const { return std::distance(fs::directory_iterator(folder_), {}); }

  test::TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path();
};

/// The message of the Error; empty if there was none with that code.
template <class Action>
std::string message_of(ErrorCode code, const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    if (error.code() == code) return error.what();
  }
  return "";
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

/// The header length is the given one, whether it is correct or not.
std::string npy_prefix(char version, std::size_t header_bytes) {
  std::string bytes = std::string("\x93NUMPY") + version + '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) bytes += static_cast<char>(header_bytes >> (8 * i) & 0xff);
  return bytes;
}

std::string npy_text(const std::string& header, const std::string& data, char version = 1) {
  return npy_prefix(version, header.size()) + header + data;
}

std::string npy(const std::string& descr, bool fortran_order, const std::string& shape, const std::string& data,
                char version = 1) {
  return npy_text("{'descr': '" + descr + "', 'fortran_order': " + (fortran_order ? "True" : "False") +
                      ", 'shape': " + shape + ", }\n",
                  data, version);
}

void expect_table(const Table& table, std::int64_t rows, std::int64_t cols, const std::vector<double>& values) {
  EXPECT_EQ(table.rows, rows);
  EXPECT_EQ(table.cols, cols);
  EXPECT_EQ(table.values, values);
}

TEST_F(Files, NpyRoundTripIsExact) {
  const Matrix matrix{2, 3, {1.5f, -2.25f, 1e-42f, std::numeric_limits<float>::max(), -0.0f, 3.1415927f}};
  write_npy(path("a.npy"), matrix);
  const Matrix again = rounded(read_npy(path("a.npy")));
  EXPECT_EQ(again.rows, 2);
  EXPECT_EQ(again.cols, 3);
  EXPECT_EQ(bytes_of(again.values), bytes_of(matrix.values));  // including the sign of zero
  EXPECT_EQ(entries(), 1);
}

TEST_F(Files, NpyIsWrittenAsNumpyWritesIt) {
  write_npy(path("a.npy"), {1, 2, {1, 2}});
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }";
  header += std::string(128 - 10 - header.size() - 1, ' ') + "\n";
  EXPECT_EQ(read("a.npy"), npy_text(header, bytes_of<float>({1, 2})));
}

TEST_F(Files, NpyRefusesToWriteValuesThatAreNotRowsTimesColumns) {
  for (const Matrix& matrix : {Matrix{2, 2, {1, 2, 3}}, Matrix{2, 0, {1}}, Matrix{-1, -1, {1}}}) {
    EXPECT_NE(message_of(ErrorCode::invalid_argument, [&] { write_npy(path("a.npy"), matrix); }), "");
  }
  EXPECT_EQ(entries(), 0);
}

TEST_F(Files, NpyReadsEveryTypeVersionAndOrder) {
  const std::string six = bytes_of<float>({1, 2, 3, 4, 5, 6});
  expect_table(read_npy(write("a", npy("<f4", false, "(2, 3)", six))), 2, 3, {1, 2, 3, 4, 5, 6});
  expect_table(read_npy(write("a", npy("<f4", false, "(2,3)", six, 2))), 2, 3, {1, 2, 3, 4, 5, 6});
  expect_table(read_npy(write("a", npy("<f4", false, "(2, 3)", six, 3))), 2, 3, {1, 2, 3, 4, 5, 6});
  expect_table(read_npy(write("a", npy("<f4", true, "(2, 3)", six))), 2, 3, {1, 3, 5, 2, 4, 6});
  expect_table(read_npy(write("a", npy("<f4", false, "(6,)", six))), 6, 1, {1, 2, 3, 4, 5, 6});
  expect_table(read_npy(write("a", npy("<f8", false, "(1, 2)", bytes_of<double>({0.1, -7})))), 1, 2, {0.1, -7});
  expect_table(read_npy(write("a", npy("|u1", false, "(3, 1)", std::string("\x00\x10\xff", 3)))), 3, 1, {0, 16, 255});
  expect_table(read_npy(write("a", npy_text("{\"shape\":(1,1),\"fortran_order\":False,\"descr\":\"|u1\"}", "\x07"))), 1,
               1, {7});
}

TEST_F(Files, NpyFlattensMoreThanTwoDimensions) {
  std::vector<unsigned char> c_order(24), fortran_order(24);
  std::vector<double> expected(24);
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      for (std::size_t k = 0; k < 4; ++k) {
        const std::size_t value = 100 * i + 10 * j + k;
        expected[12 * i + 4 * j + k] = static_cast<double>(value);
        c_order[12 * i + 4 * j + k] = fortran_order[i + 2 * j + 6 * k] = static_cast<unsigned char>(value);
      }
    }
  }
  expect_table(read_npy(write("c", npy("|u1", false, "(2, 3, 4)", bytes_of(c_order)))), 2, 12, expected);
  expect_table(read_npy(write("f", npy("|u1", true, "(2, 3, 4)", bytes_of(fortran_order)))), 2, 12, expected);
}

TEST_F(Files, NpyReadsMoreThanOneChunkInFortranOrder) {
  constexpr std::int64_t kRows = 70001, kCols = 3;
  std::vector<float> columns;
  std::vector<double> rows;
  for (int i = 0; i < kRows * kCols; ++i) columns.push_back(static_cast<float>(i));
  for (std::int64_t i = 0; i < kRows * kCols; ++i) rows.push_back(static_cast<double>(i % kCols * kRows + i / kCols));
  expect_table(read_npy(write("a", npy("<f4", true, "(70001, 3)", bytes_of(columns)))), kRows, kCols, rows);
}

struct BadNpy {
  const char* name;
  std::string bytes;
  std::vector<std::string> in_message;
};

class BadNpyFiles : public Files, public testing::WithParamInterface<BadNpy> {};

TEST_P(BadNpyFiles, AreRefusedWithTheFileTheFieldAndBothValues) {
  const std::string file = write("bad.npy", GetParam().bytes);
  const std::string message = message_of(ErrorCode::io, [&] { read_npy(file); });
  EXPECT_EQ(message.find(file + ": "), 0u) << message;
  for (const std::string& part : GetParam().in_message) EXPECT_NE(message.find(part), std::string::npos) << message;
}

const float kNan = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();

INSTANTIATE_TEST_SUITE_P(
    Npy, BadNpyFiles,
    testing::Values(
        BadNpy{"empty", "", {"magic", "after 0 bytes", "need 6"}},
        BadNpy{"short_magic", "\x93NUM", {"magic", "after 4 bytes", "need 6"}},
        BadNpy{"text", "hello world", {"magic: found 'hello '", "'\\x93NUMPY'"}},
        BadNpy{"npz", "PK\x03\x04........", {"magic: found 'PK\\x03"}},
        BadNpy{"no_version", "\x93NUMPY\x01", {"version", "after 1 bytes", "need 2"}},
        BadNpy{"version_4", npy("<f4", false, "(1, 1)", "....", 4), {"version: found 4.0", "need 1.0, 2.0 or 3.0"}},
        BadNpy{"no_length", "\x93NUMPY\x01" + std::string(1, '\0') + "v", {"header length", "need 2"}},
        BadNpy{"short_header", npy_prefix(1, 118) + "{'descr'", {"header length: found 118", "at most 8", "left"}},
        BadNpy{"huge_length", npy_prefix(2, 0xffffffffu) + "{}", {"header length: found 4294967295", "at most 2"}},
        BadNpy{"long_header", npy_text(std::string(70000, ' '), "", 2), {"header length: found 70000", "65535"}},
        BadNpy{"no_dictionary", npy_text("[1, 2]", ""), {"header: found '[1, 2]'", "need a dictionary"}},
        BadNpy{"empty_header", npy_text("", ""), {"header: found the header's end", "need a dictionary"}},
        BadNpy{"no_fields", npy_text("{}", ""), {"found no 'descr'", "'{}'"}},
        BadNpy{"no_shape", npy_text("{'descr': '<f4', 'fortran_order': False}", ""), {"found no 'shape'"}},
        BadNpy{"no_order", npy_text("{'descr': '<f4', 'shape': (1,)}", "...."), {"found no 'fortran_order'"}},
        BadNpy{"twice", npy_text("{'descr': '<f4', 'descr': '<f8'}", ""), {"found 'descr' twice"}},
        BadNpy{"unknown_field", npy_text("{'color': 1}", ""), {"found the field 'color'", "need only descr"}},
        BadNpy{"no_colon", npy_text("{'descr' '<f4'}", ""), {"header: found ''<f4'}'", "':' after 'descr'"}},
        BadNpy{"open_quote", npy_text("{'descr': '<f4", ""), {"descr: found ''<f4'", "closing quote"}},
        BadNpy{"after_end",
               npy_text("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", "...."),
               {"header: found 'x'", "need nothing after"}},
        BadNpy{"zero_bytes",
               npy_text("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}" + std::string(3, '\0'), "...."),
               {"header: found '\\x00\\x00\\x00'", "need nothing after"}},
        BadNpy{
            "bad_order", npy_text("{'fortran_order': Maybe}", ""), {"fortran_order: found 'Maybe}'", "True or False"}},
        BadNpy{"structured", npy_text("{'descr': [('x', '<f4')]}", ""), {"descr: found '[('x'", "structured"}},
        BadNpy{"objects", npy("|O", false, "(1, 1)", "........"), {"descr: found '|O'", "Python objects", "astype"}},
        BadNpy{"no_type", npy("", false, "(1, 1)", "...."), {"descr: found ''", "astype"}},
        BadNpy{"scalar", npy("<f4", false, "()", "...."), {"shape: found ()", "single number", "[N, dim]"}},
        BadNpy{"no_rows", npy("<f4", false, "(0, 4)", ""), {"shape: found (0, 4)", "at least one row"}},
        BadNpy{"no_columns", npy("<f4", false, "(4, 0)", ""), {"shape: found (4, 0)", "one column"}},
        BadNpy{"negative", npy("<f4", false, "(-1, -4)", "................"), {"shape: found (-1, -4)", "1 or more"}},
        BadNpy{"list_shape", npy("<f4", false, "[1, 1]", "...."), {"shape: found '[1, 1]", "tuple"}},
        BadNpy{"real_shape", npy("<f4", false, "(1.5, 1)", "...."), {"shape: found '.5, 1)", "need ',' or ')'"}},
        BadNpy{"word_shape", npy("<f4", false, "(one,)", "...."), {"shape: found 'one,)", "integers"}},
        BadNpy{
            "extent_overflow", npy("<f4", false, "(99999999999999999999,)", "...."), {"shape: found '9999", "64 bits"}},
        BadNpy{"product_overflow",
               npy("|u1", false, "(4294967296, 4294967296)", ""),
               {"shape: found (4294967296, 4294967296)", "more than 64 bits"}},
        BadNpy{"bytes_overflow", npy("<f8", false, "(2305843009213693952,)", ""), {"shape: found (23", "64 bits"}},
        BadNpy{
            "petabyte", npy("<f4", false, "(1099511627776, 256)", "...."), {"1125899906842624 bytes", "need 4, what"}},
        BadNpy{"truncated",
               npy("<f4", false, "(2, 3)", std::string(23, '.')),
               {"shape: found (2, 3) of '<f4', 24 bytes", "need 23"}},
        BadNpy{"too_long", npy("<f8", false, "(1, 1)", std::string(9, '.')), {"'<f8', 8 bytes", "need 9"}},
        BadNpy{"nan",
               npy("<f4", false, "(2, 2)", bytes_of<float>({1, 2, 3, kNan})),
               {"data: found nan in row 1, column 1", "finite"}},
        BadNpy{"infinite",
               npy("<f4", true, "(2, 3)", bytes_of<float>({1, 2, 3, 4, -kInf, 6})),
               {"found -inf in row 0, column 2"}},
        BadNpy{"beyond_double",
               npy("<f8", false, "(1, 1)", bytes_of<double>({HUGE_VAL})),
               {"found inf in row 0, column 0", "finite"}}),
    [](const auto& info) { return info.param.name; });

TEST_F(Files, NpyNamesAFileThatCannotBeRead) {
  const auto message = [&](const std::string& file) { return message_of(ErrorCode::io, [&] { read_npy(file); }); };
  EXPECT_EQ(message(path("none.npy")), path("none.npy") + ": cannot open: No such file or directory");
  EXPECT_NE(message(folder_.string()).find("need a regular file"), std::string::npos);
}

TEST_F(Files, AtomicFileAppearsOnCommitOnly) {
  write("a", "old");
  {
    AtomicFile file(path("a"));
    file.write("new", 3);
    EXPECT_EQ(read("a"), "old");
    EXPECT_EQ(entries(), 2);
  }
  EXPECT_EQ(read("a"), "old");
  EXPECT_EQ(entries(), 1);
  AtomicFile file(path("a"));
  file.write("ne", 2);
  file.write("w", 1);
  file.commit();
  EXPECT_EQ(read("a"), "new");
  EXPECT_EQ(entries(), 1);
}

TEST_F(Files, AtomicFileStepsOverAnotherTemporaryFile) {
  AtomicFile first(path("a")), second(path("a"));
  first.write("first", 5);
  second.write("second", 6);
  second.commit();
  first.commit();
  EXPECT_EQ(read("a"), "first");
  EXPECT_EQ(entries(), 1);
}

TEST_F(Files, AtomicFileKeepsPermissionsAndLinks) {
  write("real", "old");
  ASSERT_EQ(::chmod(path("real").c_str(), 0600), 0);
  fs::create_symlink("real", path("link"));
  write_file_atomically(path("link"), "new", 3);
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(read("real"), "new");
  EXPECT_EQ(fs::status(path("real")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(Files, FailedWritesNameTheReasonAndLeaveNothing) {
  const auto message = [&](const std::string& file) {
    return message_of(ErrorCode::io, [&] { write_npy(file, {1, 1, {1}}); });
  };
  EXPECT_EQ(message(path("no/a.npy")),
            path("no/a.npy") + ": cannot create a file in its folder: No such file or directory");
  // A pipe takes the place of a device, which a test run by root would replace if the check were lost.
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(message(path("pipe")), path("pipe") + ": cannot be replaced: it is not a regular file");
  fs::create_directory(path("folder"));
  EXPECT_NE(message(path("folder")).find("not a regular file"), std::string::npos);
  EXPECT_EQ(entries(), 2);
}

TEST_F(Files, AFullDiskLeavesTheOldFile) {
  write("a.npy", "old");
  struct rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small = {4096, before.rlim_max};  // bytes; simulates a disk that becomes full
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string message = message_of(ErrorCode::io, [&] {
    write_npy(path("a.npy"), {1000, 100, std::vector<float>(100000)});
  });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(message, path("a.npy") + ": cannot write: File too large");
  EXPECT_EQ(read("a.npy"), "old");
  EXPECT_EQ(entries(), 1);
}

TEST_F(Files, PngHoldsTheCanvasExactly) {
  Canvas canvas(37, 21, {250, 251, 252});
  canvas.fill_rect({3, 4, 5, 6}, {10, 20, 30});
  canvas.line({0, 0}, {37, 21}, 2, {200, 0, 90});
  write_png(path("a.png"), canvas);
  EXPECT_EQ(entries(), 1);

  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  ASSERT_NE(png_image_begin_read_from_file(&image, path("a.png").c_str()), 0) << image.message;
  EXPECT_EQ(image.width, 37u);
  EXPECT_EQ(image.height, 21u);
  EXPECT_EQ(image.format, static_cast<png_uint_32>(PNG_FORMAT_RGB));
  std::vector<std::uint8_t> pixels(PNG_IMAGE_SIZE(image));
  ASSERT_NE(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr), 0) << image.message;
  EXPECT_EQ(pixels, canvas.pixels());
}

TEST_F(Files, PngInAMissingFolderIsRefused) {
  const std::string message = message_of(ErrorCode::io, [&] { write_png(path("no/a.png"), Canvas(1, 1, {0, 0, 0})); });
  EXPECT_NE(message.find(path("no/a.png")), std::string::npos);
}

}  // namespace
}  // namespace scorematch::cli
