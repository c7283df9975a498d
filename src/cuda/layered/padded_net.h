// The network of the layered route, with widths padded to multiples of 8, so that rows are whole vectors, which tensor
// cores require. The padding of weights and biases is zero. Activations may write other values into padding columns,
// which then meet zero weights.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/backend.h"
#include "launchers.h"
#include "scorematch/mlp.h"

namespace scorematch::cuda {

inline int padded(int width) { return (width + 7) / 8 * 8; }

class PaddedNet {
 public:
  struct Layer {
    int in, out;                // padded
    std::int64_t weight, bias;  // offsets in the padded weights, [out, in], and biases, [out]
    bool residual;
  };

  PaddedNet(const MlpShape& net, Engine::Impl& engine);

  const std::vector<Layer>& hidden() const { return hidden_; }
  const Layer& last() const { return last_; }
  const Layer& first() const { return hidden_.empty() ? last_ : hidden_.front(); }
  std::int64_t weight_count() const { return weight_count_; }
  std::int64_t bias_count() const { return bias_count_; }
  int max_width() const;
  const kernels::LayerTable& table() const { return table_; }

 private:
  std::vector<Layer> hidden_;
  Layer last_;
  std::int64_t weight_count_ = 0, bias_count_ = 0;
  std::shared_ptr<void> places_;
  kernels::LayerTable table_;
};

}  // namespace scorematch::cuda
