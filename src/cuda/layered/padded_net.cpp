#include "cuda/layered/padded_net.h"

namespace scorematch::cuda {
namespace {

/// Each layer starts at a multiple of 256 bytes, in bf16 too, as cuBLASLt assumes.
std::int64_t aligned(std::int64_t elements) { return (elements + 127) / 128 * 128; }

}  // namespace

PaddedNet::PaddedNet(const MlpShape& net, Engine::Impl& engine) {
  const std::vector<MlpShape::Layer> plain = net.layers();
  std::vector<kernels::LayerPlace> places;
  for (std::size_t l = 0; l < plain.size(); ++l) {
    const MlpShape::Layer& from = plain[l];
    const bool is_hidden = l + 1 < plain.size();
    last_ = {padded(from.in), padded(from.out), weight_count_, bias_count_,
             net.residual && is_hidden && from.in == from.out};
    if (is_hidden) hidden_.push_back(last_);
    places.push_back({from.in, from.out, last_.in, last_.out, from.weight, from.bias, last_.weight, last_.bias});
    const std::int64_t weights = std::int64_t{last_.in} * last_.out;
    table_.largest = std::max(table_.largest, weights);
    weight_count_ += aligned(weights);
    bias_count_ += aligned(last_.out);
  }
  places_ = upload(engine, places.data(), places.size() * sizeof(kernels::LayerPlace));
  table_.layers = static_cast<const kernels::LayerPlace*>(places_.get());
  table_.count = static_cast<int>(places.size());
}

int PaddedNet::max_width() const {
  int width = std::max(last_.in, last_.out);
  for (const Layer& each : hidden_) width = std::max(width, std::max(each.in, each.out));
  return width;
}

}  // namespace scorematch::cuda
