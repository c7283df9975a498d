// Separated text as found in practice: separators, decimal marks, quotes, line ends, encodings, headers, missing
// values.
#include "cli/files/csv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "cli/files/csv_number.h"
#include "cli/files/csv_text.h"
#include "cli/files/data_file.h"
#include "scorematch/error.h"
#include "support/files.h"

namespace scorematch::cli {
namespace {

using Values = std::vector<double>;
using Names = std::vector<std::string>;

class CsvFiles : public testing::Test {
 protected:
  Table read(const std::string& text, Missing missing = Missing::refuse) const {
    const std::string path = folder_.file("a.csv");
    test::put_bytes(path, text);
    return read_data(path, missing);
  }
  /// The message of the refusal, without the name of the file.
  std::string refusal(const std::string& text, Missing missing = Missing::refuse) const {
    try {
      read(text, missing);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::io);
      const std::string start = folder_.file("a.csv") + ": ", message = error.what();
      EXPECT_EQ(message.rfind(start, 0), 0u) << message;
      return message.substr(std::min(start.size(), message.size()));
    }
    return "it was read";
  }
  test::TemporaryFolder folder_;
};

void expect_table(const Table& table, const Names& columns, std::int64_t cols, const Values& values) {
  EXPECT_EQ(table.columns, columns);
  EXPECT_EQ(table.cols, cols);
  EXPECT_EQ(table.rows * table.cols, static_cast<std::int64_t>(values.size()));
  EXPECT_EQ(table.values, values);
  EXPECT_EQ(table.element, Element::text);
}

std::string utf16(const std::string& ascii, bool is_big_endian) {
  std::string bytes = is_big_endian ? "\xfe\xff" : "\xff\xfe";
  for (const char each : ascii) bytes += is_big_endian ? std::string{'\0', each} : std::string{each, '\0'};
  return bytes;
}

TEST_F(CsvFiles, EverySeparatorWithEveryLineEnd) {
  const Values four = {1, 2.5, -3, 4e3};
  for (const std::string separator : {",", ";", "\t", " ", "   ", ", ", " ; ", " \t "})
    for (const std::string end : {"\n", "\r\n", "\r"})
      for (const std::string& last : {std::string(), end, end + end}) {
        const std::string rows = "1" + separator + "2.5" + end + "-3" + separator + "+4e3" + last;
        expect_table(read(rows), {}, 2, four);
        expect_table(read("x" + separator + "y" + end + rows), {"x", "y"}, 2, four);
        expect_table(read("# comment, \"with; all" + end + end + "x" + separator + "y" + end + rows), {"x", "y"}, 2,
                     four);
      }
}

TEST_F(CsvFiles, DecimalCommasWhereTheSeparatorIsASemicolonOrATab) {
  expect_table(read("a;b\n1,5;-2\n3;,25\n"), {"a", "b"}, 2, {1.5, -2, 3, 0.25});
  expect_table(read("1,5\t2e-1\n3\t4,25\n"), {}, 2, {1.5, 0.2, 3, 4.25});
  expect_table(read("1,5\n3,25\n"), {}, 2, {1, 5, 3, 25});  // ambiguous, so these are two columns
  EXPECT_EQ(refusal("1,5;2\n3;2.5\n"),
            "found a comma in '1,5' (line 1, field 1) and a point in '2.5' (line 2, field 2), need one decimal mark in "
            "all numbers");
  EXPECT_NE(refusal("1;2\n1.234,5;4\n").find("line 2, field 1: found '1.234,5'"), std::string::npos);
  EXPECT_NE(refusal("a,b\n\"1,234\",2\n").find("line 2, field 1 (column 'a'): found '1,234'"), std::string::npos);
}

TEST_F(CsvFiles, QuotesHoldSeparatorsQuotesAndLineEnds) {
  expect_table(read("\"a, x\",\"b \"\"q\"\"\"\n\"1\", \"2.5\" \n3,4\n"), {"a, x", "b \"q\""}, 2, {1, 2.5, 3, 4});
  expect_table(read("\"two\nlines\",\"a\r\nb\"\n1,2\n"), {"two\nlines", "a\r\nb"}, 2, {1, 2});
  expect_table(read("\"a b\" c\n\"1\" 2\n"), {"a b", "c"}, 2, {1, 2});
  // Line ends within quotes count too.
  EXPECT_NE(refusal("\"two\nlines\",b\n1,x\n").find("line 3, field 2 (column 'b'): found 'x'"), std::string::npos);
  EXPECT_EQ(refusal("a,b\n1,\"2\n3,4\n"), "line 2, field 2: found a quote that is not closed, need a closing one");
  EXPECT_EQ(refusal("a,b\n1,\"2\"x\n"),
            "line 2, field 2: found 'x' after a closing quote, need a separator or the line's end");
}

TEST_F(CsvFiles, EncodingsByTheirMarks) {
  expect_table(read("\xef\xbb\xbf"
                    "a,b\n1,2\n"),
               {"a", "b"}, 2, {1, 2});
  expect_table(read("\xef\xbb\xbf"
                    "1,2\n3,4\n"),
               {}, 2, {1, 2, 3, 4});  // a byte order mark does not make it a header
  for (const bool is_big_endian : {false, true}) {
    expect_table(read(utf16("a\tb\r\n1,5\t2\r\n", is_big_endian)), {"a", "b"}, 2, {1.5, 2});
    expect_table(read(utf16("1,2\n3,4\n", is_big_endian)), {}, 2, {1, 2, 3, 4});
  }
  // U+00B5, U+20AC and U+1F600 in UTF-16
  expect_table(read(std::string("\xff\xfe\xb5\0\xac\x20\x3d\xd8\0\xde\n\0"
                                "1\0",
                                14)),
               {"\xc2\xb5\xe2\x82\xac\xf0\x9f\x98\x80"}, 1, {1});
  EXPECT_EQ(read("temp \xb0"
                 "C,b\n1,2\n")
                .columns,
            (Names{"temp \xc2\xb0"
                   "C",
                   "b"}));  // Latin-1
  EXPECT_EQ(read("temp \xc2\xb0"
                 "C,b\n1,2\n")
                .columns,
            (Names{"temp \xc2\xb0"
                   "C",
                   "b"}));  // UTF-8
  EXPECT_NE(refusal(utf16("1,2\n", false) + "3").find("UTF-16"), std::string::npos);
  EXPECT_NE(refusal(std::string("\xff\xfe\0\xdc"
                                "1\0",
                                6))
                .find("half a character"),
            std::string::npos);
  EXPECT_EQ(refusal(std::string("\xff\xfe\0\0"
                                "1\0\0\0",
                                8)),
            "found text in UTF-32, need UTF-8 or UTF-16");
}

TEST_F(CsvFiles, MissingValuesAreRefusedWithTheCureOrTheirRowsDropped) {
  for (const std::string word : {"", "NA", "N/A", "#N/A", "NaN", "nan", "-nan", "NULL", "null", "None", "<NA>", "?",
                                 "-", ".", "\"\"", "\"NA\"", "1.#QNAN"}) {
    SCOPED_TRACE(word);
    const std::string shown = word.substr(0, 1) == "\"" ? word.substr(1, word.size() - 2) : word;
    EXPECT_EQ(refusal("a,b\n1,2\n3," + word + "\n5,6\n"),
              "line 3, field 2 (column 'b'): found '" + shown +
                  "', a missing value, need a finite number; --missing drop leaves such rows out");
    const Table dropped = read("a,b\n1,2\n3," + word + "\n5,6\n", Missing::drop);
    expect_table(dropped, {"a", "b"}, 2, {1, 2, 5, 6});
    EXPECT_EQ(dropped.dropped_rows, 1);
    // In the first row it does not make the row a header.
    EXPECT_NE(refusal(word + ",2\n3,4\n5,6\n").find("line 1, field 1: found '" + shown), std::string::npos);
    expect_table(read(word + ",2\n3,4\n5,6\n", Missing::drop), {}, 2, {3, 4, 5, 6});
  }
  expect_table(read("NA;2,5\n3;4\n", Missing::drop), {}, 2, {3, 4});
  EXPECT_EQ(read("1,2\n", Missing::drop).dropped_rows, 0);
  EXPECT_NE(refusal("a,b\nNA,1\n2,\n", Missing::drop).find("every one of its 2 rows"), std::string::npos);
  EXPECT_NE(refusal("1,2\n3,inf\n", Missing::drop).find("line 2, field 2: found 'inf'"), std::string::npos);
}

TEST_F(CsvFiles, NumbersBeyondFloat64) {
  const Table table = read("1e-400,-1e-400\n4.9e-324,1.7976931348623157e308\n");
  expect_table(table, {}, 2, {0, 0, 4.9e-324, std::numeric_limits<double>::max()});
  EXPECT_TRUE(std::signbit(table.values[1]));
  for (const std::string word : {"1e400", "-1e400", "inf", "-Infinity", "+inf"})
    EXPECT_EQ(refusal("1,2\n3," + word + "\n"),
              "line 2, field 2: found '" + word + "', need a finite number that float64 holds");
}

TEST_F(CsvFiles, TrailingSeparatorsAreNoColumn) {
  expect_table(read("1,2,\n3,4,\n"), {}, 2, {1, 2, 3, 4});
  expect_table(read("a,b,\n1,2,\n"), {"a", "b"}, 2, {1, 2});
  expect_table(read("a,b\n1,2,\n3,4,\n"), {"a", "b"}, 2, {1, 2, 3, 4});
  expect_table(read("1;\n2;\n"), {}, 1, {1, 2});
  EXPECT_EQ(refusal("1,2,\n3,4,\n5,6,7\n"),
            "line 3: found 3 fields, need 2 as in the first row, which ends in a separator");
  // With three names the empty field is a missing value.
  EXPECT_NE(refusal("a,b,c\n1,2,\n").find("line 2, field 3 (column 'c'): found '', a missing value"),
            std::string::npos);
}

TEST_F(CsvFiles, RaggedRowsAreRefusedByTheirLines) {
  EXPECT_EQ(refusal("1,2\n3\n"), "line 2: found 1 fields, need 2 as in the first row");
  EXPECT_EQ(refusal("a,b\n# x\n\n1,2\n3,4,5\n"), "line 5: found 3 fields, need 2 as in the first row");
}

TEST_F(CsvFiles, AHeaderIsARowWithoutANumber) {
  expect_table(read("my column\n1\n2\n3\n"), {"my column"}, 1, {1, 2, 3});
  expect_table(read(",x\n0,1\n"), {"", "x"}, 2, {0, 1});
  EXPECT_EQ(refusal("x,y\n"), "found no row of numbers below the header, need at least one");
  EXPECT_EQ(
      refusal("x,2019\n1,2\n3,4\n"),
      "line 1: found text ('x' in field 1) beside numbers ('2019' in field 2), and a number in field 1 of line 2; "
      "need a header of names that are not numbers, or a row of numbers");
  EXPECT_EQ(
      refusal("1,setosa\n2,virginica\n"),
      "line 1, field 2: found 'setosa', need a finite number; leave columns of text out, or encode them as numbers");
  EXPECT_EQ(
      refusal("a,kind\n1,setosa\n"),
      "line 2, field 2 (column 'kind'): found 'setosa', need a finite number; leave columns of text out, or encode "
      "them as numbers");
}

TEST_F(CsvFiles, AnythingIsReadOrRefusedButNeverACrash) {
  const std::string pieces[] = {
      "1", "1",  "2", "1\n2\n", "1,2\n", "3;4\n", "2.5",          ",",        ";",    "\t",    " ", "\n", "\r", "\"",
      "a", "NA", "#", "-",      ".",     "e",     "\xef\xbb\xbf", "\xff\xfe", "\xff", "1e999", "\0"};
  std::mt19937_64 random(1);
  int read_well = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (std::uint64_t n = random() % 20; n > 0; --n) text += pieces[random() % (i % 3 == 0 ? 6 : std::size(pieces))];
    SCOPED_TRACE(testing::PrintToString(text));
    try {
      const Table table = read(text, i % 2 == 0 ? Missing::refuse : Missing::drop);
      ++read_well;
      EXPECT_EQ(table.values.size(), static_cast<std::size_t>(table.rows * table.cols));
      EXPECT_GT(table.values.size(), 0u);
      for (const double each : table.values) EXPECT_TRUE(std::isfinite(each));
    } catch (const Error& error) {
      EXPECT_GT(std::string(error.what()).size(), folder_.path().size() + 20);
    }
  }
  EXPECT_GT(read_well, 100);
}

TEST(CsvLine, ComesBackAsItWas) {
  for (const Names& names :
       {Names{"a", "b"}, Names{"a, x", "b \"q\"", ""}, Names{"", "x"}, Names{" a ", "\nb", "#c"}, Names{"a b"}}) {
    const Names back = csv_fields("name", csv_line(names));
    ASSERT_EQ(back.size(), names.size());
    for (std::size_t i = 0; i < names.size(); ++i)
      EXPECT_EQ(back[i], names[i] == " a " ? "a" : names[i]);  // blanks around a field are not part of it
  }
}

}  // namespace
}  // namespace scorematch::cli
