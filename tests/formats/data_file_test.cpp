// .csv and IDX files, compressed or not: the data of good ones and the errors for bad ones.
#include "cli/files/data_file.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cli/files/npy.h"
#include "scorematch/checkpoint.h"
#include "scorematch/error.h"
#include "support/files.h"

namespace scorematch::cli {
namespace {

class DataFiles : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& bytes) const {
    const std::string path = folder_.file(name);
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  std::string write_gzip(const std::string& name, const std::string& bytes) const {
    const std::string path = folder_.file(name);
    const gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(file);
    return path;
  }
  test::TemporaryFolder folder_;
};

void expect_table(const Table& got, std::int64_t rows, std::int64_t cols, const std::vector<double>& values) {
  EXPECT_EQ(got.rows, rows);
  EXPECT_EQ(got.cols, cols);
  EXPECT_EQ(got.values, values);
}

/// The bytes of a number, most significant byte first.
template <class T>
std::string big_endian(T value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  std::string bytes;
  for (std::size_t i = sizeof value; i-- > 0;) bytes += static_cast<char>(bits >> (8 * i) & 0xFF);
  return bytes;
}

template <class T>
std::string idx(char type, const std::vector<std::uint32_t>& shape, const std::vector<T>& values) {
  std::string bytes{0, 0, type, static_cast<char>(shape.size())};
  for (const std::uint32_t extent : shape) bytes += big_endian(extent);
  for (const T each : values) bytes += big_endian(each);
  return bytes;
}

// ---- good ones

TEST_F(DataFiles, CsvHasRowsOfNumbers) {
  const std::vector<double> four = {1, -2.5f, 3e-3, 4};
  for (const char* text : {"1,-2.5\n3e-3,4\n", "1;-2.5\n3e-3;4", "1\t-2.5\r\n3e-3\t4\r\n", "  1   -2.5 \n 3e-3 \t 4\n",
                           "# made by hand\nx,y\n\n1,-2.5\n\n3e-3 , +4\n", "x y\n1 -2.5\n#\n3e-3 4"})
    expect_table(read_data(write("a.csv", text)), 2, 2, four);
  expect_table(read_data(write("a.csv", "7")), 1, 1, {7});
  expect_table(read_data(write("a.txt", "1,2,3\n")), 1, 3, {1, 2, 3});
  expect_table(read_data(write_gzip("a.csv.gz", "1,-2.5\n3e-3,4\n")), 2, 2, four);
}

TEST_F(DataFiles, CsvMayBeLongerThanWhatIsReadAtOnce) {
  std::string text;
  std::vector<double> values;
  for (int i = 0; i < 40000; ++i) {
    text += std::to_string(i) + "," + std::to_string(-i) + "\n";
    values.insert(values.end(), {static_cast<double>(i), static_cast<double>(-i)});
  }
  expect_table(read_data(write("a.csv", text)), 40000, 2, values);
}

TEST_F(DataFiles, IdxHasEveryTypeAndIsFlattened) {
  expect_table(read_data(write("a", idx<std::uint8_t>(0x08, {2, 1, 2}, {0, 127, 128, 255}))), 2, 2, {0, 127, 128, 255});
  expect_table(read_data(write("a", idx<std::int8_t>(0x09, {2}, {-128, 127}))), 2, 1, {-128, 127});
  expect_table(read_data(write("a", idx<std::int16_t>(0x0B, {1, 2}, {-32768, 258}))), 1, 2, {-32768, 258});
  expect_table(read_data(write("a", idx<std::int32_t>(0x0C, {1, 2}, {-65536, 16909060}))), 1, 2, {-65536, 16909060});
  expect_table(read_data(write("a", idx<float>(0x0D, {1, 2}, {-0.1f, 3e38f}))), 1, 2,
               {static_cast<double>(-0.1f), static_cast<double>(3e38f)});
  expect_table(read_data(write("a", idx<double>(0x0E, {1, 2}, {0.5, -1e-3}))), 1, 2, {0.5, -1e-3});
  std::vector<std::uint8_t> many(100000);
  std::vector<double> values;
  for (std::size_t i = 0; i < many.size(); ++i) values.push_back(many[i] = static_cast<std::uint8_t>(i * 7));
  expect_table(read_data(write_gzip("a-ubyte.gz", idx(0x08, {1000, 10, 10}, many))), 1000, 100, values);
}

TEST_F(DataFiles, NpyGoesByItsContent) {
  write_npy(folder_.file("a.npy"), {1, 2, {3, 4}});
  std::filesystem::rename(folder_.file("a.npy"), folder_.file("a.dat"));
  expect_table(read_data(folder_.file("a.dat")), 1, 2, {3, 4});
}

// ---- bad ones

TEST_F(DataFiles, BadOnesAreRefusedWithThePlaceAndBothValues) {
  const std::string good = idx<std::uint8_t>(0x08, {2, 2}, {1, 2, 3, 4});
  const auto with = [&](std::size_t at, char byte) {
    std::string bytes = good;
    bytes[at] = byte;
    return bytes;
  };
  struct Bad {
    std::string bytes;
    std::vector<std::string> in_message;
  };
  const std::vector<Bad> all = {
      {"", {"found an empty file", "need data: .npy"}},
      {"\n\n# nothing\n", {"no row of numbers"}},
      {"x,y\n", {"no row of numbers"}},
      {"1,2\n3\n", {"line 2", "found 1 fields", "need 2"}},
      {"1,2\n3,4,5\n", {"line 2", "found 3 fields", "need 2"}},
      {"x,y,z\n3,4\n", {"line 2", "found 2 fields", "need 3"}},
      {"1,2\n\n3,four\n", {"line 3, field 2", "'four'", "finite"}},
      {"1,2\n3,\n", {"line 2, field 2", "found ''", "missing value", "--missing drop"}},
      {"1,2\n3,4x\n", {"line 2, field 2", "'4x'"}},
      {"1,2\n0x10,4\n", {"line 2, field 1", "'0x10'"}},
      {"1,2\nnan,4\n", {"line 2, field 1", "'nan'", "missing value"}},
      {"1,2\n3,-inf\n", {"line 2, field 2", "'-inf'"}},
      {"1,2\n3,1e309\n", {"line 2, field 2", "'1e309'"}},
      {"1,2\n3,1e999\n", {"line 2, field 2", "'1e999'"}},
      {"1 2\n3,4\n", {"line 2"}},
      {good.substr(0, 3), {"magic", "after 3 bytes", "need 4"}},
      {with(2, 0x07), {"type: found 7", "need 8, 9, 11"}},
      {with(2, 0x0A), {"type: found 10"}},
      {with(3, 0), {"dimensions: found 0"}},
      {good.substr(0, 10), {"shape", "after 2 bytes", "need 4"}},
      {with(7, 0), {"shape: found (0", "extents of 1 or more"}},
      {with(11, 0), {"shape: found (2, 0)"}},
      {good.substr(0, 15), {"data", "after 3 bytes", "need 4"}},
      {with(5, 1), {"data", "after 4 bytes"}},
      {good + "5", {"data: found more bytes than shape (2, 2)"}},
      {idx<std::uint8_t>(0x08, {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, {}), {"shape", "more than 64 bits"}},
      {idx<float>(0x0D, {1, 2}, {1, NAN}), {"nan in row 0, column 1", "finite", "--missing drop"}},
      {idx<double>(0x0E, {2, 1}, {1, -HUGE_VAL}), {"row 1, column 0"}},
  };
  for (const Bad& bad : all)
    for (const bool compressed : {false, true}) {
      const std::string path = compressed ? write_gzip("bad.gz", bad.bytes) : write("bad", bad.bytes);
      SCOPED_TRACE(testing::PrintToString(bad.bytes));
      try {
        read_data(path);
        ADD_FAILURE() << "read without an error";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::io);
        const std::string message = error.what();
        EXPECT_EQ(message.find(path + ": "), 0u) << message;
        for (const std::string& part : bad.in_message) EXPECT_NE(message.find(part), std::string::npos) << message;
      }
    }
}

TEST_F(DataFiles, WhatCannotBeOpenedOrUnpackedIsSaid) {
  const auto message = [](const std::string& path) {
    try {
      read_data(path);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(message(folder_.file("none.csv")).find("cannot open: No such file"), std::string::npos);
  EXPECT_NE(message(folder_.path()).find("need a regular file"), std::string::npos);
  std::string noise;
  for (unsigned i = 1, x = 1; i < 3000; ++i) noise += static_cast<char>((x = x * 1664525 + 1013904223) >> 24);
  const std::string whole = write_gzip("a.gz", idx(0x08, {2999}, std::vector<char>(noise.begin(), noise.end())));
  std::ifstream file(whole, std::ios::binary);
  const std::string packed{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(message(write("short.gz", packed.substr(0, packed.size() / 2))).find("cannot read"), std::string::npos);
  std::string broken = packed;
  broken[packed.size() / 2] = static_cast<char>(broken[packed.size() / 2] ^ 0x55);
  EXPECT_NE(message(write("broken.gz", broken)), "");
}

TEST_F(DataFiles, OtherKindsOfFilesAreCalledWhatTheyAre) {
  const std::string zeros(600, '\0');
  const std::pair<std::string, std::string> kinds[] = {
      {"\x89PNG\r\n\x1a\n", "a PNG picture"},
      {"\xff\xd8\xff\xe0", "a JPEG picture"},
      {"GIF89a\1", "a GIF picture"},
      {"\x89HDF\r\n\x1a\n", "an HDF5 file"},
      {"MATLAB 5.0 MAT-file", "a MATLAB file"},
      {"PAR1\x15", "a Parquet file"},
      {"ARROW1", "an Arrow file"},
      {std::string("SQLite format 3\0", 16), "an SQLite database"},
      {"\x80\x04\x95", "a Python pickle"},
      {"\x80\x02]q", "a Python pickle"},
      {std::string("\x02\0\0\0\0\0\0\0{}", 10), "a safetensors file"},
      {"%PDF-1.4", "a PDF document"},
      {"BZh91\x01", "a file compressed by bzip2"},
      {std::string("\xfd\x37zXZ\0", 6), "a file compressed by xz"},
      {"\x28\xb5\x2f\xfd", "a file compressed by zstd"},
      {"\x7f"
       "ELF",
       "an executable program"},
      {"\x01\x02\x03", "binary data of an unknown kind"},
  };
  for (const auto& [start, kind] : kinds)
    for (const bool compressed : {false, true}) {
      const std::string path = compressed ? write_gzip("a.csv", start + zeros) : write("a.csv", start + zeros);
      try {
        read_data(path);
        ADD_FAILURE() << kind;
      } catch (const Error& error) {
        const std::string expected =
            path + ": found " + kind + (compressed ? " compressed with gzip" : "") + ", need data: .npy, .npz, .csv";
        EXPECT_EQ(std::string(error.what()).rfind(expected, 0), 0u) << error.what();
      }
      const std::string unknown = "binary data of an unknown kind";
      if (compressed || kind == "a safetensors file" || kind == unknown) continue;
      try {
        Checkpoint::load(path);
        ADD_FAILURE() << kind;
      } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()), path + ": expected a safetensors file, got " + kind);
      }
    }
  for (const std::string text : {"{\"a\": 1}", "[[1, 2], [3, 4]]"}) {
    try {
      read_data(write("a.csv", text));
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("found a JSON document"), std::string::npos) << error.what();
    }
  }
  // Text that happens to begin with such a signature is text.
  for (const std::string name : {"PAR1", "ID3", "BZh", "GGUF", "MATLAB 5.0", "GIF89a", "ARROW1"})
    EXPECT_EQ(read_data(write("a.csv", name + ",x\n1,2\n")).columns[0], name);
}

TEST_F(DataFiles, AreDescribedInOneLine) {
  Table table{2, 3, {1, 2, 3, 4, 5, 6}};
  EXPECT_EQ(describe(table).text(), "2 x 3");
  table.columns = {"a", "b, c", ""};
  EXPECT_EQ(describe(table).text(), "2 x 3, columns a, 'b, c', ''");
  table.dropped_rows = 3;
  EXPECT_EQ(describe(table).text(), "2 x 3, columns a, 'b, c', '', 3 rows with missing values dropped");
  Table wide{1, 10, {}};
  for (int i = 0; i < 10; ++i) wide.columns.push_back("c" + std::to_string(i));
  EXPECT_EQ(describe(wide).text(), "1 x 10, columns c0, c1, c2, c3, c4, c5, ..., c9");
  EXPECT_EQ(describe({1, 1, {0}, Element::text, {"two\nlines"}}).text(), "1 x 1, column two lines");
}

TEST_F(DataFiles, TextHasTheShortestNumbersThatReadBack) {
  const std::string path = folder_.file("a.csv");
  write_data(path, {2, 2, {0.1, -1e300, 4.9e-324, 3}, Element::float64});
  std::ifstream wide(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(wide), {}), "0.1,-1e+300\n5e-324,3\n");
  write_data(path, {1, 3, {static_cast<double>(0.1f), HUGE_VAL, std::nan("")}, Element::float32, {"a", "b", "c"}});
  std::ifstream narrow(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(narrow), {}), "a,b,c\n0.1,inf,nan\n");
  // Whole numbers without exponents.
  write_data(path, {1, 5, {100000, -20000000, 16777216, -0.0, 1e15}, Element::float32});
  std::ifstream whole(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(whole), {}), "100000,-20000000,16777216,-0,1e+15\n");
}

}  // namespace
}  // namespace scorematch::cli
