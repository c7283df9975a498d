// The progress line of the command, with a clock that the test sets.
#include "cli/options/progress.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace scorematch::cli {
namespace {

class ProgressTest : public testing::Test {
 protected:
  ProgressTest() : out_(::open_memstream(&text_, &size_)) {}
  ~ProgressTest() override {
    std::fclose(out_);
    std::free(text_);
  }

  std::unique_ptr<Progress> make(Terminal terminal, std::int64_t total, std::int64_t first = 0) {
    return std::make_unique<Progress>(out_, total, first, terminal, [this] { return now_; });
  }
  std::string text() {
    std::fflush(out_);
    return std::string(text_, size_);
  }
  /// The text between the marks: lines or redraws.
  std::vector<std::string> parts(char mark) {
    std::vector<std::string> parts(1);
    for (const char c : text()) {
      if (c == mark) {
        parts.emplace_back();
      } else {
        parts.back().push_back(c);
      }
    }
    return parts;
  }

  char* text_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* out_;
  double now_ = 1000;  // seconds
};

constexpr Terminal kPlain{false, 0};

TEST_F(ProgressTest, PlainLinesSayEverything) {
  const auto progress = make(kPlain, 1000);
  now_ += 10;
  progress->update(250, 64000, -12.3456, 0.0213);
  EXPECT_EQ(text(), "step  250/1000 (25%)  loss -12.346 ± 0.021  30s left  6.40k samples/s\n");
}

TEST_F(ProgressTest, PlainLinesAreAtMostTwentyOne) {
  auto progress = make(kPlain, 100000);
  for (std::int64_t step = 1; step <= 100000; ++step) {
    now_ += 1;
    progress->update(step, step, 1, 0.1);
  }
  progress->finish();
  progress.reset();
  const std::vector<std::string> lines = parts('\n');
  ASSERT_EQ(lines.size(), 22u);  // the first, twenty more, and the empty rest after the last line end
  EXPECT_EQ(lines[0].substr(0, 18), "step      1/100000");
  EXPECT_EQ(lines[1].substr(0, 18), "step   5000/100000");
  EXPECT_EQ(lines[20], "step 100000/100000 (100%)  loss 1.00 ± 0.10  in 1d 03h  1.00 samples/s");
  EXPECT_EQ(lines[21], "");
  EXPECT_EQ(text().find_first_of("\r\x1b"), std::string::npos);
}

TEST_F(ProgressTest, PlainShortRunsPrintEveryStepOnce) {
  const auto progress = make(kPlain, 3);
  for (std::int64_t step = 1; step <= 3; ++step) progress->update(step, step, 1, 0);
  progress->finish();
  progress->finish();
  progress->update(4, 4, 1, 0);
  EXPECT_EQ(parts('\n').size(), 4u);
}

TEST_F(ProgressTest, FinishShowsTheLastUpdateOfAnInterruptedRun) {
  const auto progress = make(kPlain, 1000);
  progress->update(1, 1, 5, 0);
  now_ += 65;
  progress->update(2, 2, 4, 0);
  EXPECT_EQ(parts('\n').size(), 2u);
  progress->finish();
  EXPECT_EQ(parts('\n')[1], "step    2/1000 ( 0%)  loss 4  in 1m 05s  0.03 samples/s");
}

TEST_F(ProgressTest, NothingIsPrintedWithoutAnUpdate) {
  for (const bool is_interactive : {false, true}) {
    auto progress = make({is_interactive, 80}, 10);
    progress->finish();
    progress.reset();
    make({is_interactive, 80}, 10).reset();
  }
  EXPECT_EQ(text(), "");
}

TEST_F(ProgressTest, TerminalLineIsRedrawnTenTimesASecond) {
  const auto progress = make({true, 100}, 1000000);
  for (std::int64_t step = 1; step <= 2000; ++step) {
    now_ += 0.001;
    progress->update(step, step, 1, 0);
  }
  const auto redraws = static_cast<int>(parts('\r').size()) - 1;
  EXPECT_GE(redraws, 18);
  EXPECT_LE(redraws, 21);
  EXPECT_EQ(text().find('\n'), std::string::npos);
}

TEST_F(ProgressTest, TerminalLineHasABarAndEndsClean) {
  auto progress = make({true, 100}, 1000);
  now_ += 10;
  progress->update(500, 64000, -12.3456, 0.0213);
  EXPECT_EQ(
      text(),
      "\r[===============>              ]  50%   500/1000  loss -12.346 ± 0.021  10s left  6.40k samples/s\x1b[K");
  progress->update(501, 64000, -12, 0.02);  // too early to be drawn, but it is the last one
  progress->finish();
  progress.reset();
  const std::vector<std::string> redraws = parts('\r');
  ASSERT_EQ(redraws.size(), 3u);
  EXPECT_EQ(redraws[2],
            "[===============>              ]  50%   501/1000  loss -12.000 ± 0.020  in 10s  6.40k samples/s\x1b[K\n");
}

TEST_F(ProgressTest, DestructionEndsTheLine) {
  auto progress = make({true, 100}, 1000);
  progress->update(1, 1, 1, 0);
  EXPECT_NE(text().back(), '\n');
  progress.reset();
  EXPECT_EQ(text().substr(text().size() - 4), "\x1b[K\n");
}

TEST_F(ProgressTest, TerminalLineNeverReachesTheLastColumn) {
  for (int columns = 1; columns <= 200; ++columns) {
    const std::size_t before = text().size();
    auto progress = make({true, columns}, 1000000);
    now_ += 12345;
    progress->update(123456, 123456789, -1234.5678, 0.0123);
    const std::string drawn = text().substr(before + 1, text().size() - before - 4);  // without "\r" and "\x1b[K"
    const auto used = std::count_if(drawn.begin(), drawn.end(), [](char c) { return (c & '\xc0') != '\x80'; });
    EXPECT_LE(used, std::max(columns - 1, 1)) << drawn;
    EXPECT_TRUE(columns <= 120 || drawn[0] == '[') << drawn;
    EXPECT_TRUE(columns == 1 || columns >= 60 || used == columns - 1) << drawn;
  }
}

TEST_F(ProgressTest, AResumedRunIsTimedFromWhereItStarted) {
  const auto progress = make(kPlain, 1000, 900);
  now_ += 10;
  progress->update(950, 5000, 1, 0);
  EXPECT_EQ(text(), "step  950/1000 (95%)  loss 1  10s left  500 samples/s\n");
}

TEST_F(ProgressTest, IsDueForetellsWhatUpdatePrints) {
  for (const Terminal terminal : {kPlain, Terminal{true, 80}}) {
    const auto progress = make(terminal, 500);
    int foretold = 0;
    for (std::int64_t step = 1; step <= 500; ++step) {
      now_ += 0.013;
      const std::size_t before = text().size();
      const bool is_due = progress->is_due(step);
      progress->update(step, step, 1, 0);
      EXPECT_EQ(is_due, text().size() > before) << step;
      foretold += is_due;
    }
    EXPECT_GT(foretold, 15);
    EXPECT_LT(foretold, 100);
    progress->finish();
    EXPECT_FALSE(progress->is_due(501));
  }
}

TEST_F(ProgressTest, OddInputsAreShownAsTheyAre) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  make(kPlain, 10)->update(5, 5, nan, nan);
  make(kPlain, 10)->update(5, 5, -infinity, infinity);
  make(kPlain, 0)->update(5, 5, 1, 0);       // without a total there is no percentage and no time left
  make({true, 80}, -1)->update(5, 5, 1, 0);  // without a total
  make(kPlain, 10)->update(15, 5, 1, 0);     // beyond the end
  EXPECT_EQ(text(),
            "step  5/10 (50%)  loss nan  0s left\n"
            "step  5/10 (50%)  loss -inf  0s left\n"
            "step 5  loss 1\n"
            "\r 5  loss 1\x1b[K\n"
            "step 15/10 (100%)  loss 1  in 0s\n");
}

TEST_F(ProgressTest, AFullOutputIsNoReasonToStop) {
  std::FILE* full = std::fopen("/dev/full", "w");
  if (full == nullptr) GTEST_SKIP() << "no /dev/full";
  {
    Progress progress(full, 10, 0, kPlain, [] { return 0.0; });
    EXPECT_NO_THROW(progress.update(1, 1, 1, 0));
    EXPECT_NO_THROW(progress.finish());
  }
  std::fclose(full);
}

TEST_F(ProgressTest, AStreamThatIsNoTerminalGetsPlainLines) {
  EXPECT_FALSE(detect_terminal(out_).is_interactive);
  Progress(out_, 10).update(1, 1, 1, 0);
  EXPECT_EQ(text().find_first_of("\r\x1b"), std::string::npos);
  EXPECT_EQ(text().substr(0, 10), "step  1/10");
}

TEST_F(ProgressTest, ATerminalIsAskedForItsWidth) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) GTEST_SKIP() << "no pseudo-terminal";
  const int terminal = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
  if (terminal < 0) GTEST_SKIP() << "no pseudo-terminal";
  const struct winsize size = {24, 30, 0, 0};
  ASSERT_EQ(::ioctl(terminal, TIOCSWINSZ, &size), 0);
  std::FILE* out = ::fdopen(terminal, "w");
  const char* kind = std::getenv("TERM");
  const std::string old_kind = kind != nullptr ? kind : "";

  ::setenv("TERM", "dumb", 1);
  EXPECT_FALSE(detect_terminal(out).is_interactive);
  ::setenv("TERM", "xterm", 1);
  EXPECT_TRUE(detect_terminal(out).is_interactive);
  Progress(out, 1000000).update(1, 1, -1234.5678, 0.0123);
  ::setenv("TERM", old_kind.c_str(), 1);

  char drawn[256];
  const ssize_t bytes = ::read(master, drawn, sizeof drawn);
  ASSERT_GT(bytes, 0);
  const std::string expected = "\r  0%        1/1000000  loss -\x1b[K";  // 29 columns of the 30
  EXPECT_EQ(std::string(drawn, static_cast<std::size_t>(bytes)).substr(0, expected.size()), expected);
  std::fclose(out);
  ::close(master);
}

TEST(ProgressText, Durations) {
  EXPECT_EQ(format_duration(0), "0s");
  EXPECT_EQ(format_duration(59.4), "59s");
  EXPECT_EQ(format_duration(59.6), "1m 00s");
  EXPECT_EQ(format_duration(3599), "59m 59s");
  EXPECT_EQ(format_duration(3600 * 3 + 60 * 7), "3h 07m");
  EXPECT_EQ(format_duration(86400 * 2 + 3600 * 4), "2d 04h");
  for (const double odd : {-1.0, 1e300, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_EQ(format_duration(odd), "a long time");
  }
}

TEST(ProgressText, RatesHaveThreeDigits) {
  EXPECT_EQ(format_rate(0.0304), "0.03");
  EXPECT_EQ(format_rate(999.4), "999");
  EXPECT_EQ(format_rate(999.6), "1.00k");
  EXPECT_EQ(format_rate(9996), "10.0k");
  EXPECT_EQ(format_rate(34567890), "34.6M");
  EXPECT_EQ(format_rate(345678900000), "346G");
}

TEST(ProgressText, MeasurementsHaveTheDigitsOfTheirError) {
  EXPECT_EQ(format_measurement(-12.3456, 0.0213), "-12.346 ± 0.021");
  EXPECT_EQ(format_measurement(1234.5, 56), "1234 ± 56");
  EXPECT_EQ(format_measurement(0.5, 0.00012345), "0.50000 ± 0.00012");
  EXPECT_EQ(format_measurement(-12.3456, 0), "-12.346");
  EXPECT_EQ(format_measurement(1e20, 1), "1e+20");
}

TEST(ProgressText, ColumnsAreCodePoints) {
  EXPECT_EQ(fit_columns("a±b", 3), "a±b");
  EXPECT_EQ(fit_columns("a±b", 2), "a±");
  EXPECT_EQ(fit_columns("a±b", 1), "a");
  EXPECT_EQ(fit_columns("a±b", 0), "");
}

}  // namespace
}  // namespace scorematch::cli
