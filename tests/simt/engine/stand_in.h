// A test on the stand-in runtime: a fresh machine before it, nothing alive and no complaint of the executor's after it.
#pragma once
#include <gtest/gtest.h>

#include <string>

#include "simt/host.h"
#include "simt/runtime/runtime.h"

namespace scorematch::testing_support {

class StandIn : public testing::Test {
 protected:
  StandIn() {
    simt::runtime::start();
    simt::session() = {};
  }
  ~StandIn() override {
    EXPECT_EQ(simt::runtime::live(), "");
    for (const std::string& each : simt::session().errors) ADD_FAILURE() << each;
    simt::session() = {};
  }
};

}  // namespace scorematch::testing_support
