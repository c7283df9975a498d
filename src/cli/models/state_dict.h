/// @file
/// A network as a PyTorch state_dict of torch.nn.Linear modules, as safetensors.torch.save_file writes it.
///
/// | tensor | | |
/// |---|---|---|
/// | MODULE.weight, MODULE.bias | [out, in], [out] | a layer; the first one's inputs are c x and then e(sigma) |
/// | fourier.frequencies | [F] | float64, if sigma enters by Fourier features |
/// | data.mean, data.scale | [dim] | data = mean + scale * model |
#pragma once
#include <map>
#include <string>
#include <vector>

#include "formats/safetensors.h"
#include "scorematch/checkpoint.h"

namespace scorematch::cli {

/// The names of the layers' modules.
struct ModuleNames {
  std::string prefix;               // before every name
  std::string pattern;              // {layer}: 0, 1, 2, ...; {index}: 0, 2, 4, ..., as in an nn.Sequential
  std::vector<std::string> listed;  // or one by one, in order; takes precedence

  /// Whether the pattern has {layer} or {index}, without which every layer would have the same name.
  bool counts() const;
  std::string of(int layer) const;
};

/// @param params which of the checkpoint's parameters
/// @param layers_only whether to write the layers only
SafetensorsFile to_state_dict(const Checkpoint& model, const std::vector<float>& params, const ModuleNames& names,
                              bool layers_only);

/// What the tensors do not say, under the names of the metadata that to_state_dict() writes: net, activation,
/// parameterization, conditioning, residual, sigma_data; sigma_min, sigma_max.
using Description = std::map<std::string, std::string>;

/// A model to sample from. Tensors without the prefix are ignored; every tensor with it must be used. Without a pattern
/// or a list, the modules are all those with a matrix `weight`, with numbers in their names in numeric order. F64 is
/// rounded to float32.
/// @param given takes precedence over the file's metadata
/// @throws Error io naming the tensor and both shapes, invalid_argument naming the missing option
Checkpoint from_state_dict(const std::string& path, const ModuleNames& names, const std::string& frequencies,
                           const Description& given);

}  // namespace scorematch::cli
