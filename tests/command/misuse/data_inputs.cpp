// The valid and invalid data files that the tables name.
#include <cmath>

#include "command/misuse/make.h"
#include "support/zip.h"

namespace scorematch::testing_support {
namespace {

std::string many_numbers() {
  std::string text;
  for (const double z : normal_values(2000, 3)) text += std::to_string(z) + "," + std::to_string(z * z) + "\n";
  return text;
}

}  // namespace

const std::map<std::string, Make>& data_inputs() {
  static const std::map<std::string, Make> inputs = {
      {"words.csv", bytes("hello,world\nno,numbers\n")},
      {"ragged.csv", bytes("1,2,3\n4,5\n")},
      {"cut-ubyte", bytes(std::string("\0\0\x08\x02\0\0\0\x02\0\0\0\x02", 12) + "ab")},
      {"data.npy", matrix(normal_matrix(100, 3))},
      {"points.npy", matrix(normal_matrix(100, 2))},
      {"one_row.npy", matrix(normal_matrix(1, 3))},
      {"two_rows.npy", matrix(normal_matrix(2, 3))},
      {"constant.npy", matrix({3, 2, std::vector<float>(6, 0.1f)})},
      {"wide.npy", matrix({2, 1, {-1e30f, 1e30f}})},
      {"truncated.npy", cut(matrix(normal_matrix(100, 3)), 5)},
      {"integers.npy", bytes(npy("<i8", "(2, 1)", std::string(16, '\1')))},
      {"complex.npy", bytes(npy("<c8", "(1, 1)", std::string(8, '\1')))},
      {"number.npy", bytes(npy("<f4", "()", std::string(4, '\1')))},
      {"no_rows.npy", bytes(npy("<f4", "(0, 3)", ""))},
      {"nan.npy", bytes(npy("<f4", "(2, 2)", bytes_of(1.0f) + bytes_of(2.0f) + bytes_of(3.0f) + bytes_of(kNan)))},
      {"beyond.npy", bytes(npy("<f8", "(1, 1)", bytes_of(HUGE_VAL)))},
      {"no_version.npy", bytes("\x93NUMPY\x01")},
      {"version_4.npy", bytes(npy("<f4", "(1, 1)", "....", 4))},
      {"cut_header.npy", bytes(std::string("\x93NUMPY\x01\x00\x76\x00", 10) + "{'descr'")},
      {"list.npy", bytes(std::string("\x93NUMPY\x01\x00\x06\x00[1, 2]", 16))},
      {"text.npy", bytes("hello world")},
      {"archive.npy", bytes("PK\x03\x04........")},
      {"long.npy", bytes(npy("<f16", "(1, 1)", std::string(16, '.')))},
      {"picture.csv", bytes("\x89PNG\r\n\x1a\n....")},
      {"noise.bin", bytes(literal("\x03\x01\0\x7f\x02"))},
      {"two.npz", bytes(test::zip({{"x.npy", npy("<f4", "(1, 1)", "....")}, {"y.npy", npy("<f4", "(1, 1)", "....")}}))},
      {"claims.npy.gz", gzip(npy("<f4", "(1099511627776, 256)", "...."))},
      {"all_missing.csv", bytes("a,b\n1,NA\n,2\n")},
      {"iris.csv", bytes("length,species\n1,setosa\n2,virginica\n")},
      {"half_header.csv", bytes("x,2019\n1,2\n3,4\n")},
      {"marks.csv", bytes("1,5;2\n3;2.5\n")},
      {"quote.csv", bytes("a,b\n1,\"2\n")},
      {"objects.npy", bytes(npy("|O", "(1, 1)", "........"))},
      {"too_long.npy", bytes(npy("<f8", "(1, 1)", std::string(9, '.')))},
      {"negative.npy", bytes(npy("<f4", "(-1, -4)", std::string(16, '.')))},
      {"petabyte.npy", bytes(npy("<f4", "(1099511627776, 256)", "...."))},
      {"overflow.npy", bytes(npy("|u1", "(4294967296, 4294967296)", ""))},
      {"no_columns.npy", bytes(npy("<f4", "(4, 0)", ""))},
      {"infinite.npy", bytes(npy("<f4", "(1, 1)", bytes_of(-std::numeric_limits<float>::infinity())))},
      {"nan.csv", bytes("1,2\nnan,4\n")},
      {"hex.csv", bytes("1,2\n0x10,4\n")},
      {"inf.csv", bytes("1,2\n3,-inf\n")},
      {"beyond.csv", bytes("1,2\n3,1e39\n")},
      {"far.csv", bytes("1,2\n3,1e999\n")},
      {"hole.csv", bytes("1,2\n3,\n")},
      {"names.csv", bytes("x,y\n")},
      {"comments.csv", bytes("# 1,2\n\n# 3,4\n")},
      {"mixed.csv", bytes("1;2\n3,4\n")},
      {"unit.csv", bytes("1,2\n3,4kg\n")},
      {"shape-ubyte", bytes(idx("\x08\x02", literal("\0\0\0\x02")))},
      {"type-ubyte", bytes(idx("\x07\x01", literal("\0\0\0\x02"), "ab"))},
      {"axis-ubyte", bytes(std::string("\0\0\x08\0\1", 5))},
      {"rows-ubyte", bytes(idx("\x08\x01", std::string(4, '\0')))},
      {"large-ubyte", bytes(idx("\x08\x03", std::string(12, '\xff')))},
      {"long-ubyte", bytes(idx("\x08\x01", literal("\0\0\0\x02"), "abc"))},
      {"nan-float", bytes(idx("\x0d\x01", literal("\0\0\0\x01"), literal("\x7f\xc0\0\0")))},
      {"beyond-double", bytes(idx("\x0e\x01", literal("\0\0\0\x01"), literal("\x7f\xf0\0\0\0\0\0\0")))},
      {"cut.csv.gz", cut(gzip(many_numbers()), 20)},
      {"broken.csv.gz", broken(gzip(many_numbers()))},
      {"words.csv.gz", gzip("a,b\nno,numbers\n")},
      {"cut-ubyte.gz", gzip(idx("\x08\x01", literal("\0\0\0\x09"), "abc"))},
      {"empty.gz", gzip("")},
      {"other.npy", matrix(normal_matrix(100, 3, 2))},
  };
  return inputs;
}

}  // namespace scorematch::testing_support
