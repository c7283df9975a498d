#include "cpu/tile/samples.h"

#include <algorithm>
#include <cmath>

#include "cpu/simd/jet.h"
#include "cpu/tile/directions.h"
#include "scorematch/noise_table.h"

namespace scorematch::cpu {
namespace {

constexpr double kTwoPi = 6.283185307179586476925286766559;

const float* row(const ConstView& view, std::int64_t n) {
  return static_cast<const float*>(view.data) + n * view.stride[view.shape.rank - 2];
}

double normal(const philox::Block& r) {
  const double radius = std::sqrt(-2 * std::log(static_cast<double>(philox::uniform(r.word[0]))));
  return radius * std::cos(kTwoPi * static_cast<double>(philox::uniform(r.word[1])));
}

double draw_sigma(const NoiseLevels& levels, const philox::Block& block) {
  const NoiseSchedule& schedule = levels.schedule;
  switch (schedule.kind) {
    case NoiseSchedule::Kind::none:
      break;
    case NoiseSchedule::Kind::single:
      return schedule.sigma_max;
    case NoiseSchedule::Kind::geometric: {
      double fraction = static_cast<double>(philox::uniform(block.word[0]));
      if (schedule.levels == 1) fraction = 0;
      if (schedule.levels > 1)
        fraction =
            static_cast<double>(std::uint64_t{block.word[0]} * static_cast<std::uint64_t>(schedule.levels) >> 32) /
            (schedule.levels - 1);
      return schedule.sigma_max * std::pow(schedule.sigma_min / schedule.sigma_max, fraction);
    }
    case NoiseSchedule::Kind::log_normal:
      return std::exp(schedule.log_mean + schedule.log_deviation * normal(block));
    case NoiseSchedule::Kind::vp:
    case NoiseSchedule::Kind::sub_vp:
    case NoiseSchedule::Kind::cosine:
    case NoiseSchedule::Kind::rectified_flow: {
      const double u = static_cast<double>(philox::uniform(block.word[0]));
      return std::exp(noise_table::log_sigma(levels.table.data(), std::log(u / (1 - u))));
    }
    case NoiseSchedule::Kind::ddpm:
      return std::exp(levels.table[std::uint64_t{block.word[0]} * static_cast<std::uint64_t>(schedule.levels) >> 32]);
  }
  return 1;
}

/// Writes the context of each row that has one. @param to [rows, stride], zeros
void fill_context(const TileSamples& tile, const Context& context, float* to, int stride) {
  for (int r = 0; r < tile.rows; ++r) {
    if (!tile.has_context[r]) continue;
    float* const row = to + std::int64_t{r} * stride;
    if (tile.label[r] >= 0)
      row[tile.label[r]] = 1.0f;
    else
      std::copy_n(tile.context[r], context.columns, row);
    if (context.optional) row[context.columns] = 1.0f;
  }
}

}  // namespace

TileSamples::TileSamples(int dim, int capacity, Arena& arena)
    : x(arena.take<float>(static_cast<std::size_t>(capacity) * static_cast<std::size_t>(padded(dim)))),
      eps(arena.take<float>(static_cast<std::size_t>(capacity) * static_cast<std::size_t>(padded(dim)))),
      sigma(arena.take<double>(static_cast<std::size_t>(capacity))) {}

double SampleSource::sigma_of(std::int64_t n) const {
  if (!sigma_.empty()) return per_sample(sigma_, n);
  philox::Block block{};
  if (is_drawn(levels_.schedule)) {
    const Draw at = draw_at(noise_, philox::Purpose::sigma, n, 0);
    block = philox::philox4x32_10(philox::counter(at.purpose, at.step, at.first_sample, 0), at.seed);
  }
  return draw_sigma(levels_, block);
}

void SampleSource::load_context(std::int64_t n, int r, TileSamples& tile) const {
  const std::int64_t at = context_row_(n);
  tile.has_context[r] = at >= 0;
  tile.label[r] = at < 0 || labels_.empty() ? -1 : static_cast<const std::int64_t*>(labels_.data)[at];
  tile.context[r] = at < 0 || context_.empty() ? nullptr : row(context_, at);
}

void SampleSource::load(std::int64_t first, int rows, TileSamples& tile) const {
  const int stride = padded(dim_);
  tile.first = first;
  tile.rows = rows;
  for (int r = 0; r < rows; ++r) {
    float* to = tile.x + r * stride;
    if (!x_.empty()) std::copy_n(row(x_, row_of_(first + r)), dim_, to);
    std::fill(to + (x_.empty() ? 0 : dim_), to + stride, 0.0f);
    tile.sigma[r] = sigma_of(first + r);
    load_context(first + r, r, tile);
  }
  std::fill_n(tile.eps, std::int64_t{rows} * stride, 0.0f);
  if (!perturbed_) return;
  if (eps_.empty()) {
    fill_normal(draw_at(noise_, philox::Purpose::eps, first, 0), rows, dim_, tile.eps, stride);
  } else {
    for (int r = 0; r < rows; ++r) std::copy_n(row(eps_, first + r), dim_, tile.eps + r * stride);
  }
}

void SampleSource::load_direction(const ConstView& given, Projection distribution, int m, const TileSamples& tile,
                                  float* to, int stride) const {
  std::fill_n(to, std::int64_t{tile.rows} * stride, 0.0f);
  if (given.empty()) {
    fill_direction(draw_at(noise_, philox::Purpose::direction, tile.first, static_cast<std::uint32_t>(m)), distribution,
                   tile.rows, dim_, to, stride);
    return;
  }
  for (int r = 0; r < tile.rows; ++r) {
    const float* from =
        static_cast<const float*>(given.data) + m * given.stride[0] + (tile.first + r) * given.stride[1];
    std::copy_n(from, dim_, to + r * stride);
  }
}

void fill_input(const TileSamples& tile, double point, const Parameterization& parameterization,
                const Conditioning& conditioning, const Context& context, int dim, float* x_tilde, float* to,
                int stride) {
  const int x_stride = padded(dim);
  float shift[kMaxTileRows], c[kMaxTileRows];
  for (int r = 0; r < tile.rows; ++r) {
    shift[r] = static_cast<float>(point * tile.sigma[r]);
    c[r] = static_cast<float>(coefficients(parameterization, tile.sigma[r]).c);
  }
  perturb_rows(tile.rows, x_stride, tile.x, shift, tile.eps, c, x_tilde, to, stride);
  if (to == nullptr) return;
  double ln_sigma[kMaxTileRows];
  for (int r = 0; r < tile.rows; ++r) {
    float* row = to + std::int64_t{r} * stride;
    std::fill(row + x_stride, row + stride, 0.0f);
    ln_sigma[r] = conditioning.kind == Conditioning::Kind::none ? 0 : std::log(tile.sigma[r]);
    if (conditioning.kind == Conditioning::Kind::log_sigma) row[dim] = static_cast<float>(ln_sigma[r]);
  }
  if (conditioning.kind == Conditioning::Kind::fourier)
    fill_fourier(ln_sigma, tile.rows, conditioning.frequencies.data(),
                 static_cast<int>(conditioning.frequencies.size()), to + dim, stride);
  if (context.columns > 0) fill_context(tile, context, to + dim + feature_count(conditioning), stride);
}

}  // namespace scorematch::cpu
