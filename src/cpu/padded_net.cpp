#include "cpu/padded_net.h"

#include "cpu/simd/bf16_product.h"
#include "cpu/simd/jet.h"

namespace scorematch::cpu {
namespace {

// Elements. For fewer, waking another thread takes longer than it saves.
constexpr std::int64_t kPiece = 1 << 14;
constexpr std::int64_t kPieces = 16;  // at most, for as many threads
// Elements that are summed over all parts before the next ones, so that the sums stay in a cache.
constexpr std::int64_t kRun = 1 << 12;

}  // namespace

PaddedNet::PaddedNet(const MlpShape& net, Precision precision) : layers_(net.layers()), precision_(precision) {
  const auto take = [](std::int64_t& total, std::int64_t elements) { return (total += elements) - elements; };
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const MlpShape::Layer& from = layers_[l];
    Layer to;
    to.in = padded(from.in);
    to.out = padded(from.out);
    to.residual = net.residual && l + 1 < layers_.size() && from.in == from.out;
    const std::int64_t weights = std::int64_t{to.in} * to.out;
    to.weight = take(count_, weights);
    to.bias = take(count_, to.out);
    to.up = take(packed_, weights);
    to.down = take(packed_, weights);
    to.shift = take(packed_, to.out);
    padded_.push_back(to);
  }
  last_rows_ = take(packed_, std::int64_t{last().in} * last().out);
}

void PaddedNet::pack_up(std::size_t l, const float* params, float* to) const {
  const MlpShape::Layer& from = layers_[l];
  const Layer& layer = padded_[l];
  const auto pack = is_bf16() ? pack_bf16_panels : pack_panels;
  pack(params + from.weight, from.out, from.in, true, layer.in, layer.out, to + layer.up);
  std::copy_n(params + from.bias, from.out, to + layer.shift);
  std::fill_n(to + layer.shift + from.out, layer.out - from.out, 0.0f);
}

void PaddedNet::pack_down(std::size_t l, const float* params, std::size_t down_from, float* to) const {
  const MlpShape::Layer& from = layers_[l];
  const Layer& layer = padded_[l];
  const auto pack = is_bf16() ? pack_bf16_panels : pack_panels;
  if (l >= down_from) pack(params + from.weight, from.out, from.in, false, layer.out, layer.in, to + layer.down);
  if (l + 1 < layers_.size()) return;
  std::fill_n(to + last_rows_, std::int64_t{layer.in} * layer.out, 0.0f);
  for (int i = 0; i < from.out; ++i)
    std::copy_n(params + from.weight + std::int64_t{i} * from.in, from.in,
                to + last_rows_ + std::int64_t{i} * layer.in);
}

void PaddedNet::pack(const float* params, std::size_t down_from, float* to) const {
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    pack_up(l, params, to);
    pack_down(l, params, down_from, to);
  }
}

void PaddedNet::pack(const float* params, std::size_t down_from, ThreadPool& pool, float* to) const {
  pool.run(static_cast<std::int64_t>(2 * layers_.size()), [&](std::int64_t i, int) {
    const auto l = static_cast<std::size_t>(i / 2);
    i % 2 == 0 ? pack_up(l, params, to) : pack_down(l, params, down_from, to);
  });
}

void PaddedNet::unpack(const float* from, int parts, bool add, ThreadPool& pool, float* grad) const {
  const auto unpack_run = [&](std::int64_t at, std::int64_t length, float* to) {
    for (std::int64_t i = 0; i < length; i += kRun) {
      const std::int64_t run = std::min(kRun, length - i);
      const float* sum = add ? to + i : from + at + i;
      for (int part = add ? 0 : 1; part < parts; ++part) {
        cpu::add(run, sum, from + part * count_ + at + i, to + i);
        sum = to + i;
      }
      if (sum != to + i) std::copy_n(sum, run, to + i);
    }
  };
  const auto unpack_rows = [&](std::size_t l, std::int64_t first, std::int64_t last) {
    const MlpShape::Layer& plain = layers_[l];
    const Layer& wide = padded_[l];
    if (plain.in == wide.in) {
      unpack_run(wide.weight + first * wide.in, (last - first) * plain.in, grad + plain.weight + first * plain.in);
    } else {
      for (std::int64_t i = first; i < last; ++i)
        unpack_run(wide.weight + i * wide.in, plain.in, grad + plain.weight + i * plain.in);
    }
    if (last == plain.out) unpack_run(wide.bias, plain.out, grad + plain.bias);
  };
  const std::int64_t pieces = std::clamp<std::int64_t>(count_ * parts / kPiece, 1, kPieces);
  pool.run(pieces, [&](std::int64_t piece, int) {
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      const std::int64_t rows = layers_[l].out;
      unpack_rows(l, rows * piece / pieces, rows * (piece + 1) / pieces);
    }
  });
}

}  // namespace scorematch::cpu
