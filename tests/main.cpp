// Runs the tests of this program, or some of them:
//   --file=<name>     those of the source file <name>.cpp
//   --only=<text>     those whose name contains the text; given twice, both texts
//   --without=<text>  those whose name does not contain the text; given twice, neither text
// Further options are GoogleTest's. Exits with 77, which ctest reports as skipped, if every test was skipped.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int kSkipped = 77;

struct Selection {
  std::string file;
  std::vector<std::string> only, without;

  bool takes(const testing::TestInfo& test) const {
    if (!file.empty()) {
      std::string_view path = test.file();
      path.remove_prefix(path.rfind('/') + 1);
      if (path != file + ".cpp") return false;
    }
    const std::string name = std::string(test.test_suite_name()) + "." + test.name();
    for (const std::string& each : only)
      if (name.find(each) == std::string::npos) return false;
    for (const std::string& each : without)
      if (name.find(each) != std::string::npos) return false;
    return true;
  }
};

/// Stores the value of one of our options in `value`.
bool parse(std::string_view argument, std::string_view option, std::string* value) {
  if (argument.substr(0, option.size()) != option) return false;
  *value = argument.substr(option.size());
  return true;
}

/// The selected tests as a filter; empty if there are none.
std::string filter_of(const Selection& selection) {
  std::string filter;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int s = 0; s < all.total_test_suite_count(); ++s) {
    const testing::TestSuite& suite = *all.GetTestSuite(s);
    for (int t = 0; t < suite.total_test_count(); ++t) {
      const testing::TestInfo& test = *suite.GetTestInfo(t);
      if (!selection.takes(test)) continue;
      if (!filter.empty()) filter += ':';
      filter += std::string(test.test_suite_name()) + "." + test.name();
    }
  }
  return filter;
}

}  // namespace

int main(int count, char** arguments) {
  testing::InitGoogleTest(&count, arguments);
  Selection selection;
  bool selects = false;
  for (int i = 1; i < count; ++i) {
    std::string text;
    if (parse(arguments[i], "--only=", &text)) {
      selection.only.push_back(text);
    } else if (parse(arguments[i], "--without=", &text)) {
      selection.without.push_back(text);
    } else if (!parse(arguments[i], "--file=", &selection.file)) {
      std::fprintf(stderr, "expected --file=, --only= or --without=, got '%s'\n", arguments[i]);
      return 2;
    }
    selects = true;
  }
  if (selects) {
    const std::string filter = filter_of(selection);
    if (filter.empty()) {
      std::fprintf(stderr, "no test of %s.cpp is selected\n", selection.file.empty() ? "*" : selection.file.c_str());
      return 2;
    }
    testing::GTEST_FLAG(filter) = filter;
  }

  const int failed = RUN_ALL_TESTS();
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  if (failed == 0 && all.skipped_test_count() > 0 && all.successful_test_count() == 0) return kSkipped;
  return failed;
}
