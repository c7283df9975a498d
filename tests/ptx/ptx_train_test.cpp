// `scorematch train` on the emulator: the losses of the first steps agree with those of the cpu engine.
#include <gtest/gtest.h>

#include "support/train_command.h"

namespace scorematch::testing_support {
namespace {

class PtxTrain : public CommandTrain {
 protected:
  /// The losses of eight steps.
  std::vector<double> losses(const std::string& engine) {
    run_well(train(engine, {"--steps", "8", "--seed", "1", "--engine", engine, "--samples", "0"}));
    std::vector<double> found;
    for (const std::vector<std::string>& row : read_losses(path(engine + "/loss.csv")).rows)
      found.push_back(number(row.at(1)));
    return found;
  }
};

// A loss is a mean of squares of values with some hundred roundings, each 2^-24: 2 * 100 * 2^-24. Steps add to this
// only if a gradient is so small that its rounding decides its sign, and then the loss hardly depends on the parameter.
// Four times that for eight steps.
TEST_F(PtxTrain, LossesMatchTheCpuEngine) {
  constexpr double kTolerance = 8 * 100 * 0x1p-24;
  const std::vector<double> cuda = losses("cuda"), cpu = losses("cpu");
  ASSERT_EQ(cuda.size(), 8u);
  ASSERT_EQ(cpu.size(), cuda.size());
  for (std::size_t i = 0; i < cuda.size(); ++i) EXPECT_NEAR(cuda[i], cpu[i], kTolerance * cpu[i]) << "step " << i + 1;
}

}  // namespace
}  // namespace scorematch::testing_support
