#include "cli/dequantize.h"

#include <algorithm>
#include <cmath>

#include "cli/refusal.h"
#include "scorematch/philox.h"
#include "spec_text.h"

namespace scorematch::cli {

void check_grid(const Table& data, double step) {
  constexpr double kMost = 1 << 20;      // steps from 0: float32 tells 16 places within each
  constexpr double kRounding = 0x1p-22;  // of a quotient of two float32, and twice that
  for (std::size_t i = 0; i < data.values.size(); ++i) {
    const double value = data.values[i], steps = value / step, nearest = std::nearbyint(steps);
    const bool is_far = std::abs(steps) > kMost;
    if (!is_far && std::abs(steps - nearest) <= kRounding * std::max(1.0, std::abs(steps))) continue;
    const std::string place = " in row " + std::to_string(i / static_cast<std::size_t>(data.cols)) + ", column " +
                              std::to_string(i % static_cast<std::size_t>(data.cols));
    const std::string expected = is_far ? "at most 2^20 steps of --dequantize " + number_text(step) + " from 0"
                                        : "multiples of --dequantize " + number_text(step) + ", as " +
                                              number_text(std::floor(steps) * step) + " or " +
                                              number_text((std::floor(steps) + 1) * step);
    refuse("DATA", expected, number_text(value) + place);
  }
}

Dequantizer::Dequantizer(double step, const Units& units, std::uint64_t seed)
    : step_(step), units_(units), seed_(seed) {}

void Dequantizer::add(const float* row, std::int64_t training_step, std::int64_t sample, float* out) const {
  const auto step = static_cast<std::uint64_t>(training_step), n = static_cast<std::uint64_t>(sample);
  std::vector<double> noise(static_cast<std::size_t>(units_.columns())), offset(static_cast<std::size_t>(units_.dim()));
  philox::Block words{};
  for (std::size_t j = 0; j < noise.size(); ++j) {
    if (j % 4 == 0)
      words = philox::philox4x32_10(
          philox::counter(philox::Purpose::dequantization, step, n, static_cast<std::uint32_t>(j / 4)), seed_);
    noise[j] = step_ * static_cast<double>(philox::uniform(words.word[j % 4]));
  }
  units_.offset_to_model(noise.data(), offset.data());
  for (std::size_t k = 0; k < offset.size(); ++k) out[k] = static_cast<float>(static_cast<double>(row[k]) + offset[k]);
}

void Dequantizer::draw(const Matrix& data, std::int64_t training_step, std::int64_t batch,
                       std::vector<float>& out) const {
  out.resize(static_cast<std::size_t>(batch * data.cols));
  for (std::int64_t n = 0; n < batch; ++n) {
    const philox::Block words =
        philox::philox4x32_10(philox::counter(philox::Purpose::row, static_cast<std::uint64_t>(training_step),
                                              static_cast<std::uint64_t>(n), 0),
                              seed_);
    const auto row = static_cast<std::int64_t>(philox::index(words, static_cast<std::uint64_t>(data.rows)));
    add(data.values.data() + row * data.cols, training_step, n, out.data() + n * data.cols);
  }
}

Matrix Dequantizer::all(const Matrix& data, std::int64_t training_step) const {
  Matrix noisy = data;
  for (std::int64_t i = 0; i < data.rows; ++i)
    add(data.values.data() + i * data.cols, training_step, i, noisy.values.data() + i * data.cols);
  return noisy;
}

void to_grid(Table& samples, double step, double lowest, double highest) {
  for (double& each : samples.values) each = std::max(lowest, std::min(std::floor(each / step) * step, highest));
}

}  // namespace scorematch::cli
