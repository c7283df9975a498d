// `scorematch train` on the emulator: the losses of its first steps are those of the cpu engine.
#include <gtest/gtest.h>

#include "support/train_command.h"

namespace scorematch::testing_support {
namespace {

class PtxTrain : public CommandTrain {
 protected:
  /// The losses of eight steps, by step.
  std::vector<double> losses(const std::string& engine) {
    run_well(train(engine, {"--steps", "8", "--seed", "1", "--engine", engine, "--samples", "0"}));
    std::vector<double> found;
    for (const std::vector<std::string>& row : read_losses(path(engine + "/loss.csv")).rows)
      found.push_back(number(row.at(1)));
    return found;
  }
};

// A loss is a mean of squares of what some hundred roundings lead to, each 2^-24: 2 * 100 * 2^-24. Steps add to it only
// where a gradient is so small that its rounding decides about its sign, and there the loss hardly depends on the
// parameter. Four times that for eight steps.
TEST_F(PtxTrain, LossesAreTheCpuEngines) {
  constexpr double kTolerance = 8 * 100 * 0x1p-24;
  const std::vector<double> cuda = losses("cuda"), cpu = losses("cpu");
  ASSERT_EQ(cuda.size(), 8u);
  ASSERT_EQ(cpu.size(), cuda.size());
  for (std::size_t i = 0; i < cuda.size(); ++i) EXPECT_NEAR(cuda[i], cpu[i], kTolerance * cpu[i]) << "step " << i + 1;
}

}  // namespace
}  // namespace scorematch::testing_support
