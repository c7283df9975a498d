// A model whose samples are known, and a test of `scorematch sample` with it.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "cli/files/npy.h"
#include "scorematch/checkpoint.h"
#include "support/command.h"

namespace scorematch::testing_support {

constexpr double kSigmaData = 0.5;

/// Its score is -x / (sigma^2 + sigma_data^2) in model units, so its samples are N(mean, (sigma_data scale)^2).
inline Checkpoint gaussian_model(std::vector<double> mean, std::vector<double> scale) {
  Checkpoint model;
  model.net = MlpShape::score(static_cast<int>(mean.size()), {4});
  model.net.parameterization = parameterization::Edm{kSigmaData};
  model.net.conditioning = conditioning::LogSigma{};
  model.params.assign(static_cast<std::size_t>(model.net.param_count()), 0.0f);
  model.standardization = {std::move(mean), std::move(scale), {}};
  model.metadata = {{"sigma_min", "0.01"}, {"sigma_max", "20"}};
  return model;
}

class CommandSample : public CommandTest {
 protected:
  /// Runs the command and returns the samples.
  cli::Matrix sample(const Arguments& more) const {
    Arguments arguments = {"sample", "model.safetensors", "-o", "samples.npy"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    run_well(arguments);
    return cli::rounded(cli::read_npy(path("samples.npy")));
  }
};

}  // namespace scorematch::testing_support
