// Converts the arguments of a call for the kernels.
#pragma once
#include <cstdint>
#include <memory>
#include <type_traits>

#include "cuda/kernel_term.h"
#include "engine/backend.h"
#include "launchers.h"
#include "model/network.h"

namespace scorematch::cuda {

static_assert(std::is_standard_layout_v<NoiseState::Position> && std::is_standard_layout_v<Estimate> &&
                  std::is_standard_layout_v<Adam::Progress> && std::is_standard_layout_v<ParamRange> &&
                  sizeof(NoiseState::Position) == sizeof(kernels::NoisePosition) &&
                  sizeof(Estimate) == sizeof(kernels::EstimateRecord) &&
                  sizeof(Adam::Progress) == sizeof(kernels::AdamProgress) &&
                  sizeof(ParamRange) == sizeof(kernels::AdamRange),
              "the kernels read and write these in place");

inline kernels::Element element_of(Precision precision) {
  return precision == Precision::bf16 ? kernels::Element::bf16 : kernels::Element::f32;
}

/// The features e(sigma), with their frequencies on the device.
class Features {
 public:
  Features(const Conditioning& conditioning, Engine::Impl& engine);
  const kernels::Features& get() const { return features_; }

 private:
  kernels::Features features_;
  std::shared_ptr<void> frequencies_;
};

/// The distribution of sigma, with its table on the device.
class NoiseLevels {
 public:
  NoiseLevels(const NoiseSchedule& schedule, Engine::Impl& engine);
  /// @param given of the call; may be empty
  kernels::SigmaSource source(const ConstView& given) const;

 private:
  NoiseSchedule schedule_;
  std::shared_ptr<void> table_;
};

inline const float* floats(const ConstView& view) { return static_cast<const float*>(view.data); }
inline float* floats(const View& view) { return static_cast<float*>(view.data); }

/// Row `n` of [N, d]; null if the view is empty.
inline float* row_of(const View& view, std::int64_t n) {
  return view.empty() ? nullptr : floats(view) + n * view.stride[0];
}
/// Element `n` of [N]; null if the view is empty.
inline float* at(const View& view, std::int64_t n) { return view.empty() ? nullptr : floats(view) + n; }

inline kernels::Table table_of(const ConstView& view) { return {floats(view), view.stride[0]}; }

inline kernels::Noise translated(const NoiseRef& noise) {
  return {static_cast<const kernels::NoisePosition*>(noise.state), noise.sample_offset};
}

inline kernels::DirectionSource direction_source(const ConstView& given, Projection distribution) {
  return {distribution, false, floats(given), given.stride[0], given.stride[1]};
}

/// Whether the columns of a drawn direction share a value, which launch_directions finds for the other kernels.
inline bool has_row_values(const ConstView& given, Projection distribution) {
  if (!given.empty()) return false;
  switch (distribution) {
    case Projection::gaussian:
    case Projection::rademacher:
    case Projection::orthogonal:
      break;
    case Projection::sphere:
    case Projection::hadamard:
    case Projection::coordinates:
      return true;
  }
  return false;
}

inline kernels::DirectionSource basis() { return {Projection::gaussian, true, nullptr, 0, 0}; }

/// @param dropout of the loss
inline kernels::ContextSource context_source(const Batch& batch, const scorematch::Context& context,
                                             double dropout = 0) {
  kernels::ContextSource source;
  source.columns = context.columns, source.total = context_count(context);
  source.values = {floats(batch.context), batch.context.shape.extent[0] == 1 ? 0 : batch.context.stride[0]};
  source.labels = static_cast<const std::int64_t*>(batch.labels.data);
  source.label_stride = batch.labels.shape.extent[0] == 1 ? 0 : 1;
  source.present = floats(batch.present);
  source.drop_below = drop_threshold(dropout);
  return source;
}

/// The rows of x that are the samples.
inline kernels::DataRows data_rows(const Batch& batch) {
  return {table_of(batch.x), batch.x.shape.extent[0], static_cast<const std::int64_t*>(batch.rows.data),
          batch.draw_rows != 0};
}

/// Checks that the samples' offset in the noise fits the counter. State on the device is not read. @throws Error
void check_noise_offset(const NoiseRef& noise, std::int64_t batch);

}  // namespace scorematch::cuda
