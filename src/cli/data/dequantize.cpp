#include "cli/data/dequantize.h"

#include <utility>

#include "scorematch/philox.h"

namespace scorematch::cli {

Dequantizer::Dequantizer(std::vector<double> steps, const Units& units, std::uint64_t seed)
    : steps_(std::move(steps)), units_(units), seed_(seed) {}

void Dequantizer::add(const float* row, std::int64_t training_step, std::int64_t sample, float* out) const {
  const auto step = static_cast<std::uint64_t>(training_step), n = static_cast<std::uint64_t>(sample);
  std::vector<double> noise(steps_.size()), offset(static_cast<std::size_t>(units_.dim()));
  philox::Block words{};
  for (std::size_t j = 0; j < noise.size(); ++j) {
    if (j % 4 == 0)
      words = philox::philox4x32_10(
          philox::counter(philox::Purpose::dequantization, step, n, static_cast<std::uint32_t>(j / 4)), seed_);
    noise[j] = steps_[j] * static_cast<double>(philox::uniform(words.word[j % 4]));
  }
  units_.offset_to_model(noise.data(), offset.data());
  for (std::size_t k = 0; k < offset.size(); ++k) out[k] = static_cast<float>(static_cast<double>(row[k]) + offset[k]);
}

void Dequantizer::draw(const Matrix& data, std::int64_t training_step, std::int64_t first, std::int64_t count,
                       std::vector<float>& out) const {
  out.resize(static_cast<std::size_t>(count * data.cols));
  float* to = out.data();
  std::int64_t n = first;
  for (const std::int64_t row : drawn_rows(data.rows, training_step, first, count)) {
    add(data.values.data() + row * data.cols, training_step, n++, to);
    to += data.cols;
  }
}

std::vector<std::int64_t> Dequantizer::drawn_rows(std::int64_t rows, std::int64_t training_step, std::int64_t first,
                                                  std::int64_t count) const {
  std::vector<std::int64_t> drawn;
  for (std::int64_t n = first; n < first + count; ++n) {
    const philox::Block words =
        philox::philox4x32_10(philox::counter(philox::Purpose::row, static_cast<std::uint64_t>(training_step),
                                              static_cast<std::uint64_t>(n), 0),
                              seed_);
    drawn.push_back(static_cast<std::int64_t>(philox::index(words, static_cast<std::uint64_t>(rows))));
  }
  return drawn;
}

Matrix Dequantizer::all(const Matrix& data, std::int64_t training_step) const {
  Matrix noisy = data;
  for (std::int64_t i = 0; i < data.rows; ++i)
    add(data.values.data() + i * data.cols, training_step, i, noisy.values.data() + i * data.cols);
  return noisy;
}

}  // namespace scorematch::cli
