// Files that are invalid or unusual as safetensors: refused with a reason, at a cost bounded by their size.
#include "formats/safetensors.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include "support/files.h"
#include "support/refusal.h"

namespace scorematch::test {
namespace {

struct BadFile {
  const char* name;
  std::string bytes;
  std::string expected, got;
};

std::string nested(const std::string& open, int depth, const std::string& close) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += open;
  for (int i = 0; i < depth; ++i) text += close;
  return text;
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}
std::string tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"a":)" + entry(dtype, shape, offsets) + "}";
}

std::vector<BadFile> bad_headers() {
  const std::string f32 = R"("F32")", one = entry(f32, "[1]", "[0,4]"), all = "\xff";
  return {
      {"empty", "", "a safetensors file of at least 8 bytes", "0"},
      {"seven bytes", std::string(7, ' '), "a safetensors file of at least 8 bytes", "7"},
      {"header of nothing", with_length(0, ""), "JSON", "other text: "},
      {"header past the end", with_length(3, "{}"), "at most 2", "3"},
      {"header past 2^63", with_length(~std::uint64_t{0}, "{}"), "at most 2", "18446744073709551615"},
      {"header that wraps around", with_length(~std::uint64_t{7}, std::string(16, ' ')), "at most 16",
       "18446744073709551608"},
      {"no JSON", with_header("safetensors"), "JSON", "other text: "},
      {"JSON cut short", with_header(R"({"a":)"), "JSON", "other text: "},
      {"a string that never ends", with_header("{\"" + std::string(5000, 'x')), "JSON", "other text: "},
      {"a very long name, twice",
       with_header("{\"" + std::string(5000, 'x') + "\":" + one + ",\"" + std::string(5000, 'x') + "\":" + one + "}",
                   4),
       "every name once", "'xxx"},
      {"two values", with_header("{} {}"), "JSON", "other text: "},
      {"an array", with_header("[]"), "an object", "array"},
      {"a number", with_header("12"), "an object", "number"},
      {"null", with_header("null"), "an object", "null"},
      {"text that is not UTF-8", with_header("{\"" + all + "\":1}"), "JSON", "other text: "},
      {"a number past doubles", with_header(R"({"a":1e999})"), "JSON", "other text: "},
      {"a tensor twice", with_header(R"({"a":)" + one + R"(,"a":)" + one + "}", 4), "every name once", "'a' twice"},
      {"a field twice", with_header(R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4),
       "every name once", "'dtype' twice"},
      {"metadata twice", with_header(R"({"__metadata__":{},"__metadata__":{}})"), "every name once",
       "'__metadata__' twice"},
      {"a key of metadata twice", with_header(R"({"__metadata__":{"k":"1","k":"2"}})"), "every name once", "'k' twice"},
      {"arrays 9 deep", with_header(R"({"a":)" + nested("[", 9, "]") + "}"), "at most 8 levels", "more"},
      {"arrays 100000 deep", with_header(nested("[", 100000, "]")), "at most 8 levels", "more"},
      {"arrays 100000 deep, never closed", with_header(nested("[", 100000, "")), "at most 8 levels", "more"},
      {"objects 100000 deep", with_header(nested(R"({"a":)", 100000, "}")), "at most 8 levels", "more"},
      {"a tensor that is an array", with_header(R"({"a":[]})"), "an object of dtype, shape and data_offsets", "[]"},
      {"a tensor without a shape", with_header(R"({"a":{"dtype":"F32","data_offsets":[0,0]}})"),
       "an object of dtype, shape and data_offsets", R"({"data_offsets":[0,0])"},
      {"a tensor with an extra field",
       with_header(R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"order":"C"}})"),
       "an object of dtype, shape and data_offsets", ""},
      {"metadata that is an array", with_header(R"({"__metadata__":["a"]})"), "an object", "array"},
      {"metadata that is a number", with_header(R"({"__metadata__":{"step":3}})"), "a string", "number"},
  };
}

std::vector<BadFile> bad_tensors() {
  const std::string f32 = R"("F32")", f64 = R"("F64")", one = "[1]", four = "[0,4]";
  const auto pair = [&](const std::string& a, const std::string& b) {
    return R"({"a":)" + entry(f32, one, a) + R"(,"b":)" + entry(f32, one, b) + "}";
  };
  const std::string deep = nested(R"([")", 1, R"("])");
  return {
      {"half floats", with_header(tensor(R"("F16")", "[2]", four), 4), "F32 or F64", R"("F16")"},
      {"a type in lower case", with_header(tensor(R"("f32")", one, four), 4), "F32 or F64", R"("f32")"},
      {"a type that is a number", with_header(tensor("32", one, four), 4), "F32 or F64", "32"},
      {"a very long type", with_header(tensor('"' + std::string(5000, 'x') + '"', one, four), 4), "F32 or F64",
       R"("xxx)"},
      {"a shape that is a number", with_header(tensor(f32, "1", four), 4), "at most 8 extents", "1"},
      {"nine extents", with_header(tensor(f32, "[1,1,1,1,1,1,1,1,1]", four), 4), "at most 8 extents", "[1,1"},
      {"a negative extent", with_header(tensor(f32, "[-1]", four), 4), "a whole number >= 0", "-1"},
      {"a fraction of an extent", with_header(tensor(f32, "[1.0]", four), 4), "a whole number >= 0", "1.0"},
      {"an extent that is text", with_header(tensor(f32, R"(["1"])", four), 4), "a whole number >= 0", R"("1")"},
      {"an extent that is an array", with_header(tensor(f32, "[" + deep + "]", four), 4), "a whole number >= 0", "["},
      {"an extent past 64 bits", with_header(tensor(f32, "[18446744073709551616]", four), 4), "a whole number >= 0",
       "1.8"},
      {"an extent past 63 bits", with_header(tensor(f32, "[18446744073709551615]", four), 4), "a size below 2^64 bytes",
       "[18446744073709551615]"},
      {"extents whose product is past 64 bits", with_header(tensor(f32, "[4294967296,4294967296]", four), 4),
       "a size below 2^64 bytes", "[4294967296,4294967296]"},
      {"2^64 + 4 bytes", with_header(tensor(f32, "[4611686018427387905]", four), 4), "a size below 2^64 bytes",
       "[4611686018427387905]"},
      {"an offset", with_header(tensor(f32, one, "0"), 4), "two numbers", "0"},
      {"three offsets", with_header(tensor(f32, one, "[0,2,4]"), 4), "two numbers", "[0,2,4]"},
      {"a negative offset", with_header(tensor(f32, one, "[-4,0]"), 4), "a whole number >= 0", "-4"},
      {"a fraction of an offset", with_header(tensor(f32, one, "[0,4.5]"), 4), "a whole number >= 0", "4.5"},
      {"an end before the beginning", with_header(tensor(f32, one, "[4,0]"), 4), "offsets within 4 bytes of data",
       "[4,0]"},
      {"an end past the end", with_header(tensor(f32, one, "[0,8]"), 4), "offsets within 4 bytes of data", "[0,8]"},
      {"an end past 2^63", with_header(tensor(f32, one, "[18446744073709551612,18446744073709551615]"), 4),
       "offsets within 4 bytes of data", "[18446744073709551612"},
      {"bytes too few", with_header(tensor(f64, one, four), 4), "8 bytes for shape [1]", "4"},
      {"bytes too many", with_header(tensor(f32, one, "[0,8]"), 8), "4 bytes for shape [1]", "8"},
      {"bytes of no tensor before", with_header(tensor(f32, one, "[4,8]"), 8), "to begin at byte 0", "4"},
      {"bytes of no tensor after", with_header(tensor(f32, one, four), 5), "4 bytes of tensors", "5"},
      {"bytes of no tensor at all", with_header("{}", 1), "0 bytes of tensors", "1"},
      {"bytes of no tensor between", with_header(pair(four, "[8,12]"), 12), "to begin at byte 4", "8"},
      {"bytes of two tensors", with_header(pair(four, four), 4), "to begin at byte 4", "0"},
      {"bytes of two tensors in part", with_header(pair(four, "[2,6]"), 6), "to begin at byte 4", "2"},
  };
}

class SafetensorsFormat : public testing::Test {
 protected:
  void expect_refused_file(const std::string& expected, const std::string& got, const std::string& bytes) {
    const std::string path = folder_.file("bad");
    put_bytes(path, bytes);
    expect_refused({path, expected, got, ErrorCode::io}, [&] { read_safetensors(path); });
  }
  void expect_all(const std::vector<BadFile>& table) {
    for (const BadFile& row : table) {
      SCOPED_TRACE(row.name);
      expect_refused_file(row.expected, row.got, row.bytes);
    }
  }
  TemporaryFolder folder_;
};

TEST_F(SafetensorsFormat, BadHeadersAreRefused) { expect_all(bad_headers()); }
TEST_F(SafetensorsFormat, BadTensorsAreRefused) { expect_all(bad_tensors()); }

SafetensorsFile small_file() {
  SafetensorsFile file;
  file.tensors["a"] = {{2, 3}, std::vector<float>{1, -2, 3e-38f, 4, 5, 6}};
  file.tensors["b"] = {{}, std::vector<double>{0.1}};
  file.tensors["c \"quoted\" \n"] = {{0, 7}, std::vector<float>{}};
  file.tensors["d"] = {{3}, std::vector<float>{7, 8, 9}};
  file.metadata = {{"", "no name"},
                   {
                       "k\x01",
                       "a\tb\0c\\\"",
                   },
                   {"\xc3\xa9", "\xe2\x82\xac"}};
  file.metadata["nul"] = std::string("\0x", 2);
  return file;
}

TEST_F(SafetensorsFormat, WhatIsWrittenIsRead) {
  const SafetensorsFile file = small_file();
  write_safetensors(folder_.file("good"), file);
  const SafetensorsFile read = read_safetensors(folder_.file("good"));
  EXPECT_EQ(read.metadata, file.metadata);
  ASSERT_EQ(read.tensors.size(), file.tensors.size());
  for (const auto& [name, tensor] : file.tensors) {
    EXPECT_EQ(read.tensors.at(name).shape, tensor.shape) << name;
    EXPECT_EQ(read.tensors.at(name).values, tensor.values) << name;
  }
}

// Known values of both formats (IEEE 754-2019, table 3.5; the upper half of a float32), widened on request.
TEST_F(SafetensorsFormat, HalvesAreWidenedOrRefused) {
  const std::vector<std::pair<std::uint16_t, float>> f16 = {
      {0x0000, 0.0f},     {0x3C00, 1.0f},      {0xC000, -2.0f},    {0x3555, 0.333251953125f},
      {0x7BFF, 65504.0f}, {0xFBFF, -65504.0f}, {0x0400, 0x1p-14f}, {0x03FF, 1023 * 0x1p-24f},
      {0x0001, 0x1p-24f}, {0x8001, -0x1p-24f}, {0x7C00, kInf},     {0xFC00, -kInf}};
  const std::vector<std::pair<std::uint16_t, float>> bf16 = {{0x3F80, 1.0f},           {0xC000, -2.0f},
                                                             {0x3EAB, 0.333984375f},   {0x0001, 0x1p-133f},
                                                             {0x7F7F, 255 * 0x1p120f}, {0xFF80, -kInf}};
  for (const bool is_bf16 : {false, true}) {
    const auto& values = is_bf16 ? bf16 : f16;
    const std::string header = std::string(R"({"a":{"dtype":")") + (is_bf16 ? "BF16" : "F16") + R"(","shape":[)" +
                               std::to_string(values.size()) + R"(],"data_offsets":[0,)" +
                               std::to_string(2 * values.size()) + "]}}";
    const std::uint64_t length = header.size();
    std::string bytes(reinterpret_cast<const char*>(&length), 8);
    bytes += header;
    for (const auto& [bits, value] : values) bytes.append(reinterpret_cast<const char*>(&bits), 2);
    const std::string path = folder_.file("halves");
    std::ofstream(path, std::ios::binary) << bytes;
    const std::vector<float> read = read_safetensors(path, Halves::widen).tensors.at("a").as_float();
    ASSERT_EQ(read.size(), values.size());
    for (std::size_t i = 0; i < read.size(); ++i) {
      EXPECT_EQ(read[i], values[i].second) << i;
      EXPECT_EQ(std::signbit(read[i]), std::signbit(values[i].second)) << i;
    }
    EXPECT_THROW(read_safetensors(path), Error);
  }
}

TEST_F(SafetensorsFormat, EveryTruncationAndExtensionIsRefused) {
  const std::string path = folder_.file("cut");
  write_safetensors(path, small_file());
  const std::string whole = get_bytes(path);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    put_bytes(path, whole.substr(0, length));
    EXPECT_THROW(read_safetensors(path), Error) << length;
  }
  put_bytes(path, whole + '\0');
  EXPECT_THROW(read_safetensors(path), Error);
  put_bytes(path, whole);
  EXPECT_NO_THROW(read_safetensors(path));
}

// A small header may refer to the same bytes many times.
TEST_F(SafetensorsFormat, OverlapsCostNoMemory) {
  constexpr int kTensors = 500;
  constexpr std::size_t kBytes = 4 << 20;
  std::string header = "{";
  for (int i = 0; i < kTensors; ++i)
    header += (i > 0 ? ",\"" : "\"") + std::to_string(i) +
              "\":" + entry(R"("F32")", "[" + std::to_string(kBytes / 4) + "]", "[0," + std::to_string(kBytes) + "]");
  rusage before = {}, after = {};
  getrusage(RUSAGE_SELF, &before);
  expect_refused_file("to begin at byte 4194304", "0", with_header(header + "}", kBytes));
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 100 * 1024) << "KiB";  // all the tensors would be 2 GiB
}

TEST_F(SafetensorsFormat, OnlyFilesAreRead) {
  const std::string pipe = folder_.file("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path : {folder_.file("."), pipe, std::string("/dev/zero")})
    expect_refused({path, "a regular file", "something else", ErrorCode::io}, [&] { read_safetensors(path); });
  for (const std::string& path : {folder_.file("none"), folder_.file("no/such"), std::string()})
    EXPECT_THROW(read_safetensors(path), Error) << path;
}

TEST_F(SafetensorsFormat, WhatCannotBeReadIsNotWritten) {
  const std::string path = folder_.file("kept");
  put_bytes(path, "kept");
  SafetensorsFile bad = small_file(), long_one;
  bad.metadata["text"] = "\xff\xfe";
  long_one.metadata["text"] = std::string(100'000'001, 'x');
  expect_refused({path, "UTF-8 text", "other bytes", ErrorCode::io}, [&] { write_safetensors(path, bad); });
  expect_refused({path, "at most 100000000 bytes", "1000000", ErrorCode::io},
                 [&] { write_safetensors(path, long_one); });
  EXPECT_EQ(get_bytes(path), "kept");
  EXPECT_EQ(folder_.names(), std::vector<std::string>{"kept"});
}

TEST_F(SafetensorsFormat, FlippedBytesAreReadOrRefused) {
  const std::string path = folder_.file("flipped");
  write_safetensors(path, small_file());
  const std::string whole = get_bytes(path);
  std::mt19937_64 random(1);
  int read = 0, refused = 0;
  for (int i = 0; i < 2000; ++i) {
    put_bytes(path, with_flips(whole, random));
    try {
      const SafetensorsFile file = read_safetensors(path);
      for (const auto& [name, tensor] : file.tensors) {
        std::int64_t count = 1;
        for (const std::int64_t each : tensor.shape) count *= each;
        EXPECT_EQ(tensor.count(), count) << name;
      }
      ++read;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::io) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(read, 20);
  EXPECT_GT(refused, 20);
}

}  // namespace
}  // namespace scorematch::test
