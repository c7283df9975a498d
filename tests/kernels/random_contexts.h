// Random contexts of samples on the device, and their values.
#pragma once
#include <vector>

#include "kernels/random_perturbation.h"

namespace scorematch {
namespace kernels {

struct RandomContexts {
  /// @param rows of the data
  RandomContexts(RandomCase& random, std::int64_t rows) : stride_(0) {
    ContextSource& s = source;
    s.columns = random.chance(0.3) ? 0 : random.integer(1, 9);
    optional = s.columns > 0 && random.chance(0.6);
    s.total = s.columns + (optional ? 1 : 0);
    if (s.columns == 0 || (optional && random.chance(0.2))) return;
    const bool shared = random.chance(0.3);
    const std::int64_t given = shared ? 1 : rows;
    if (random.chance(0.4)) {
      for (std::int64_t n = 0; n < given; ++n) labels_.push_back(random.integer(0, s.columns - 1));
      s.label_stride = shared ? 0 : 1;
    } else {
      stride_ = s.columns + random.integer(0, 3);
      values_ = random.normals(given * stride_);
      s.values.stride = shared ? 0 : stride_;
    }
    if (optional && random.chance(0.6))
      for (std::int64_t n = 0; n < rows; ++n) present_.push_back(random.chance(0.5) ? 1.0f : 0.0f);
    if (optional && random.chance(0.5)) s.drop_below = 0x80000000u;
    device_values_ = std::make_unique<DeviceArray<float>>(values_);
    device_present_ = std::make_unique<DeviceArray<float>>(present_);
    device_labels_ = std::make_unique<DeviceArray<std::int64_t>>(labels_);
    if (!values_.empty()) s.values.data = device_values_->data();
    if (!labels_.empty()) s.labels = device_labels_->data();
    if (!present_.empty()) s.present = device_present_->data();
  }

  /// Whether sample n, which is this row, has a context.
  bool has(const RandomNoise& noise, std::int64_t n, std::int64_t row) const {
    if (values_.empty() && labels_.empty()) return false;
    if (!present_.empty() && present_[static_cast<std::size_t>(row)] == 0.0f) return false;
    return source.drop_below == 0 || noise.of(n).block(philox::Purpose::context, 0).word[0] >= source.drop_below;
  }
  /// Column k < total of the network's input for a sample that has a context.
  float column(std::int64_t row, int k) const {
    if (k == source.columns) return 1.0f;
    if (!labels_.empty()) return labels_[static_cast<std::size_t>(row * source.label_stride)] == k ? 1.0f : 0.0f;
    return values_[static_cast<std::size_t>(row * source.values.stride + k)];
  }

  ContextSource source;
  bool optional = false;

 private:
  std::int64_t stride_;
  std::vector<float> values_, present_;
  std::vector<std::int64_t> labels_;
  std::unique_ptr<DeviceArray<float>> device_values_, device_present_;
  std::unique_ptr<DeviceArray<std::int64_t>> device_labels_;
};

}  // namespace kernels
}  // namespace scorematch
