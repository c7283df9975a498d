// Tests with every engine of the build as a parameter. Without a GPU, tests of the cuda engine still exist and are
// reported as skipped.
#pragma once
#include <gtest/gtest.h>

#include "support/arrays.h"

namespace scorematch::testing_support {

inline std::vector<std::string> built_engine_names() {
  std::vector<std::string> names = {"reference"};
  for (const char* each : {"cpu", "cuda"}) {
    try {
      engine_named(each);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::unsupported) continue;
      if (error.code() != ErrorCode::device_unavailable) throw;
    }
    names.push_back(each);
  }
  return names;
}

class EngineTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!missing.empty()) GTEST_SKIP() << missing;
  }

  std::string missing;
  Engine engine = open();

 private:
  /// The reference takes the place of an unavailable engine, because fixtures have other members that need an engine.
  Engine open() {
    try {
      return engine_named(GetParam());
    } catch (const Error& error) {
      if (error.code() != ErrorCode::device_unavailable) throw;
      missing = error.what();
      return Engine::reference();
    }
  }
};

}  // namespace scorematch::testing_support
