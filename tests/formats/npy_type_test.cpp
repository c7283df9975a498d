// .npy files of every number type that NumPy writes, in both byte orders and both element orders, alone, in archives
// and compressed.
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "cli/files/data_file.h"
#include "cli/files/npy.h"
#include "scorematch/error.h"
#include "support/files.h"
#include "support/zip.h"

namespace scorematch::cli {
namespace {

using Values = std::vector<double>;

std::string npy(const std::string& descr, const std::string& shape, const std::string& data, bool is_fortran = false,
                char version = 1) {
  const std::string header = "{'descr': '" + descr + "', 'fortran_order': " + (is_fortran ? "True" : "False") +
                             ", 'shape': " + shape + ", }\n";
  std::string start = std::string("\x93NUMPY") + version + '\0' + static_cast<char>(header.size()) + '\0';
  if (version > 1) start += std::string(2, '\0');
  return start + header + data;
}

template <class T>
std::string bytes_of(T value, bool is_big_endian) {
  std::string bytes(reinterpret_cast<const char*>(&value), sizeof value);
  if (is_big_endian) std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

struct Type {
  std::string name;  // without the byte order
  Element element;
  std::function<std::string(double, bool)> encode;
  Values values;  // six of them
};

template <class T>
Type type(const std::string& name, Element element, Values values) {
  return {name, element, [](double value, bool is_big) { return bytes_of(static_cast<T>(value), is_big); }, values};
}

template <class T>
double lowest() {
  return static_cast<double>(std::numeric_limits<T>::lowest());
}
template <class T>
double highest() {
  return static_cast<double>(std::numeric_limits<T>::max());
}

/// float16 numbers by their bits: 1, -2, the largest, the smallest normal and subnormal, 0.333251953125.
std::string half(double value, bool is_big_endian) {
  const std::pair<double, std::uint16_t> known[] = {{1, 0x3c00},       {-2, 0xc000},      {65504, 0x7bff},
                                                    {0x1p-14, 0x0400}, {0x1p-24, 0x0001}, {0.333251953125, 0x3555}};
  for (const auto& [number, bits] : known)
    if (number == value) return bytes_of(bits, is_big_endian);
  return "";
}

const double kTwo53 = 9007199254740991;  // 2^53 - 1

const std::vector<Type>& types() {
  static const std::vector<Type> all = {
      {"f2", Element::float16, half, {1, -2, 65504, 0x1p-14, 0x1p-24, 0.333251953125}},
      type<float>("f4", Element::float32, {1, -2.5, highest<float>(), 0x1p-149, 0, 0.5}),
      type<double>("f8", Element::float64, {1, -0.1, highest<double>(), 4.9e-324, 2459000.5, 1e-300}),
      type<bool>("b1", Element::boolean, {1, 0, 0, 1, 1, 1}),
      type<std::int8_t>("i1", Element::int8, {-128, 127, 0, 1, -1, 5}),
      type<std::int16_t>("i2", Element::int16, {-32768, 32767, 0, 258, -1, 5}),
      type<std::int32_t>("i4", Element::int32, {lowest<std::int32_t>(), highest<std::int32_t>(), 0, 16909060, -1, 5}),
      type<std::int64_t>("i8", Element::int64, {-kTwo53, kTwo53, 0, 72623859790382856.0 / 64, -1, 5}),
      type<std::uint8_t>("u1", Element::uint8, {255, 128, 0, 1, 2, 5}),
      type<std::uint16_t>("u2", Element::uint16, {65535, 258, 0, 1, 2, 5}),
      type<std::uint32_t>("u4", Element::uint32, {4294967295.0, 16909060, 0, 1, 2, 5}),
      type<std::uint64_t>("u8", Element::uint64, {kTwo53, 16909060, 0, 1, 2, 5})};
  return all;
}

class NpyTypes : public testing::Test {
 protected:
  Table read(const std::string& name, const std::string& bytes, Missing missing = Missing::refuse) const {
    test::put_bytes(folder_.file(name), bytes);
    return read_data(folder_.file(name), missing);
  }
  std::string refusal(const std::string& path, Missing missing = Missing::refuse) const {
    try {
      read_data(folder_.file(path), missing);
    } catch (const Error& error) {
      return error.what();
    }
    return "it was read";
  }
  std::string refusal_of(const std::string& bytes) const {
    test::put_bytes(folder_.file("bad"), bytes);
    return refusal("bad");
  }
  void put_gzip(const std::string& name, const std::string& bytes) const {
    const gzFile file = gzopen(folder_.file(name).c_str(), "wb");
    gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(file);
  }
  test::TemporaryFolder folder_;
};

TEST_F(NpyTypes, EveryTypeByteOrderElementOrderAndVersion) {
  for (const Type& each : types())
    for (const bool is_big : {false, true})
      for (const bool is_fortran : {false, true})
        for (const char version : {'\1', '\2', '\3'}) {
          const bool is_byte = each.name[1] == '1';
          const std::string descr = (is_byte ? "|" : is_big ? ">" : "<") + each.name;
          SCOPED_TRACE(descr + (is_fortran ? " Fortran" : " C"));
          std::string data;
          // [2, 3] in file order
          for (const std::size_t i :
               is_fortran ? std::vector<std::size_t>{0, 3, 1, 4, 2, 5} : std::vector<std::size_t>{0, 1, 2, 3, 4, 5})
            data += each.encode(each.values[i], is_big);
          const Table table = read("a", npy(descr, "(2, 3)", data, is_fortran, version));
          EXPECT_EQ(table.rows, 2);
          EXPECT_EQ(table.cols, 3);
          EXPECT_EQ(table.element, each.element);
          EXPECT_EQ(table.values, each.values);
          EXPECT_EQ(table.row_shape, std::vector<std::int64_t>{3});
        }
}

TEST_F(NpyTypes, RowsKeepTheirShape) {
  EXPECT_EQ(read("a", npy("|u1", "(2, 3, 4)", std::string(24, '\1'))).row_shape, (std::vector<std::int64_t>{3, 4}));
  EXPECT_EQ(read("a", npy("|u1", "(2,)", std::string(2, '\1'))).row_shape, (std::vector<std::int64_t>{}));
}

TEST_F(NpyTypes, OthersAreRefusedByNameWithACure) {
  const std::pair<const char*, const char*> others[] = {{"<f16", "differ between machines"},
                                                        {">f16", "differ between"},
                                                        {"<f12", "differ between machines"},
                                                        {"<c8", "complex"},
                                                        {">c16", "complex"},
                                                        {"|O", "Python objects"},
                                                        {"<U5", "text"},
                                                        {"|S3", "text"},
                                                        {"<M8[ns]", "dates or times"},
                                                        {"<m8[s]", "dates or times"},
                                                        {"|V8", "raw type"},
                                                        {"<i3", "astype"},
                                                        {"<i16", "astype"},
                                                        {"float32", "astype"}};
  for (const auto& [descr, word] : others) {
    const std::string message = refusal_of(npy(descr, "(1, 1)", std::string(16, '.')));
    EXPECT_NE(message.find(std::string("descr: found '") + descr + "'"), std::string::npos) << message;
    EXPECT_NE(message.find(word), std::string::npos) << message;
    EXPECT_NE(message.find("save "), std::string::npos) << message;
  }
  const std::string header = "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,), }";
  const std::string message =
      refusal_of(std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size()) + '\0' + header + "....");
  EXPECT_NE(message.find("structured_to_unstructured"), std::string::npos) << message;
}

TEST_F(NpyTypes, WholeNumbersBeyondFloat64AreRefusedByPlace) {
  for (const bool is_big : {false, true}) {
    const std::string order = is_big ? ">" : "<";
    std::string data = bytes_of(std::int64_t{5}, is_big) + bytes_of(-(std::int64_t{1} << 53), is_big);
    std::string message = refusal_of(npy(order + "i8", "(1, 2)", data));
    EXPECT_NE(message.find("found -9007199254740992 or a neighbor of it in row 0, column 1"), std::string::npos)
        << message;
    data = bytes_of(~std::uint64_t{0}, is_big) + bytes_of(std::uint64_t{1}, is_big);
    message = refusal_of(npy(order + "u8", "(2, 1)", data));
    EXPECT_NE(message.find("found 18446744073709551616 or a neighbor of it in row 0, column 0"), std::string::npos)
        << message;
  }
}

TEST_F(NpyTypes, MissingValuesAreRefusedByPlaceOrTheirRowsDropped) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::string c_order, fortran;
  for (const double each : {1.0, 2.0, 3.0, nan, 5.0, 6.0}) c_order += bytes_of(each, false);
  for (const double each : {1.0, 3.0, 5.0, 2.0, nan, 6.0}) fortran += bytes_of(each, true);
  for (const std::string& bytes : {npy("<f8", "(3, 2)", c_order), npy(">f8", "(3, 2)", fortran, true)}) {
    const Table table = read("a", bytes, Missing::drop);
    EXPECT_EQ(table.values, (Values{1, 2, 5, 6}));
    EXPECT_EQ(table.rows, 2);
    EXPECT_EQ(table.dropped_rows, 1);
    const std::string message = refusal("a");
    EXPECT_NE(message.find("found nan in row 1, column 1 (from 0)"), std::string::npos) << message;
    EXPECT_NE(message.find("--missing drop"), std::string::npos) << message;
  }
  // NaN and infinity of float16
  EXPECT_NE(refusal_of(npy("<f2", "(1, 1)", std::string("\x00\x7e", 2))).find("found nan"), std::string::npos);
  EXPECT_NE(refusal_of(npy(">f2", "(1, 1)", std::string("\xfc\x00", 2))).find("found -inf"), std::string::npos);
}

TEST_F(NpyTypes, CompressedAndInArchives) {
  const std::string x = npy("<f4", "(2, 1)", bytes_of(1.5f, false) + bytes_of(2.5f, false));
  const std::string y = npy("|u1", "(1, 2)", "\x03\x04");
  const Values of_x = {1.5, 2.5}, of_y = {3, 4};
  put_gzip("x.npy.gz", x);
  EXPECT_EQ(read_data(folder_.file("x.npy.gz")).values, of_x);
  for (const bool is_deflated : {false, true})
    for (const bool has_zip64 : {false, true}) {
      EXPECT_EQ(read("one.npz", test::zip({{"x.npy", x}}, is_deflated, has_zip64)).values, of_x);
      test::put_bytes(folder_.file("two.npz"),
                      test::zip({{"x.npy", x}, {"notes.txt", "n"}, {"y.npy", y}}, is_deflated, has_zip64));
      EXPECT_EQ(read_data(folder_.file("two.npz:x")).values, of_x);
      EXPECT_EQ(read_data(folder_.file("two.npz:y")).values, of_y);
      EXPECT_EQ(read_data(folder_.file("two.npz:y.npy")).values, of_y);
    }
  EXPECT_NE(refusal("two.npz").find("found 2 arrays, 'x', 'y', need one of them: "), std::string::npos)
      << refusal("two.npz");
  EXPECT_NE(refusal("two.npz:z").find("found no array 'z', need one of 'x', 'y'"), std::string::npos)
      << refusal("two.npz:z");
  EXPECT_NE(refusal("x.npy.gz:x").find("no .npz archive"), std::string::npos) << refusal("x.npy.gz:x");
  put_gzip("z.npz.gz", test::zip({{"x.npy", x}}));
  EXPECT_NE(refusal("z.npz.gz").find("a zip archive compressed with gzip"), std::string::npos) << refusal("z.npz.gz");
}

TEST_F(NpyTypes, OtherArchivesAreCalledWhatTheyAre) {
  EXPECT_NE(refusal_of(test::zip({{"xl/workbook.xml", "x"}})).find("an Excel workbook"), std::string::npos);
  EXPECT_NE(refusal_of(test::zip({{"net/data.pkl", "x"}})).find("a PyTorch file"), std::string::npos);
  EXPECT_NE(refusal_of(test::zip({{"a.txt", "x"}})).find("found a zip archive (of 'a.txt'), need data"),
            std::string::npos);
  EXPECT_NE(refusal_of(test::zip({})).find("found a zip archive (empty)"), std::string::npos);
}

TEST_F(NpyTypes, ASpoiltMemberIsRefused) {
  const std::string x = npy("|u1", "(300, 1)", std::string(300, '\7'));
  const std::string whole = test::zip({{"x.npy", x}});
  std::string other = whole;
  other[30 + 5 + x.size() - 1] ^= 1;  // changes the last value, so that only the checksum is wrong
  EXPECT_NE(refusal_of(other).find("a checksum that differs"), std::string::npos) << refusal_of(other);
  std::string method = whole;
  method[method.find("PK\x01\x02") + 10] = 12;
  EXPECT_NE(refusal_of(method).find("compression method: found 12"), std::string::npos) << refusal_of(method);
  std::string encrypted = whole;
  encrypted[encrypted.find("PK\x01\x02") + 8] = 1;
  EXPECT_NE(refusal_of(encrypted).find("encrypted"), std::string::npos);
}

TEST_F(NpyTypes, AShapeBeyondTheMemoryIsRefusedBeforeItIsAllocated) {
  const std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 100), }\n";
  put_gzip("a.npy.gz", std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size()) + '\0' + header);
  try {
    read_data(folder_.file("a.npy.gz"));
    ADD_FAILURE() << "read without an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
    const std::string message = error.what();
    EXPECT_NE(message.find("shape (1000000000000, 100): needs 800000000000000 bytes"), std::string::npos) << message;
    EXPECT_NE(message.find(" free"), std::string::npos) << message;
  }
}

TEST_F(NpyTypes, CutAndSpoiltFilesAreReadOrRefusedButNeverACrash) {
  const std::string one = npy("<f4", "(3, 2)", std::string(24, '\1')),
                    other = npy(">i2", "(3, 2)", std::string(12, '\2'), true);
  const std::string files[] = {one, other, test::zip({{"x.npy", one}}), test::zip({{"x.npy", one}}, true),
                               test::zip({{"x.npy", one}}, true, true)};
  std::mt19937_64 random(1);
  for (const std::string& file : files) {
    for (std::size_t length = 1; length < file.size(); ++length) {
      const std::string message = refusal_of(file.substr(0, length));
      EXPECT_NE(message, "it was read") << length;
      EXPECT_EQ(message.rfind(folder_.file("bad") + ":", 0), 0u) << message;
    }
    for (int i = 0; i < 2000; ++i) {
      const std::string message = refusal_of(test::with_flips(file, random));
      EXPECT_TRUE(message == "it was read" || message.rfind(folder_.file("bad") + ":", 0) == 0) << message;
    }
  }
}

}  // namespace
}  // namespace scorematch::cli
