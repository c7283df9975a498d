/// @file
/// `mpirun -n R scorematch train` on a correlated Gaussian.
#pragma once
#include <string>
#include <vector>

#include "cli/files/npy.h"
#include "support/train_command.h"

namespace scorematch::testing_support {

class RanksTest : public CommandTrain {
 protected:
  /// Arguments of mpirun.
  static Arguments on(int ranks, const Arguments& arguments) {
    Arguments all = {SCOREMATCH_RANKS, std::to_string(ranks), SCOREMATCH_RANK};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  /// A short run, whose batch of 50 is not a multiple of 3.
  static Arguments short_run(const std::string& output, const Arguments& more = {},
                             const std::string& data = "data.npy") {
    Arguments arguments = {"train", data, "-o", output, "--hidden", "16,16", "--batch", "50", "--samples", "0"};
    if (std::find(more.begin(), more.end(), "--steps") == more.end())
      arguments.insert(arguments.end(), {"--steps", "60"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
};

inline int count_of(const std::string& text, const std::string& part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

}  // namespace scorematch::testing_support
