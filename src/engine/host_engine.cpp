#include "engine/host_engine.h"

#include <cstdlib>
#include <cstring>

#include "checks/argument.h"
#include "scorematch/error.h"

namespace scorematch {

std::shared_ptr<void> HostEngine::allocate(std::size_t bytes, Content content) {
  constexpr std::size_t kAlignment = 256;
  const std::size_t rounded =
      bytes > SIZE_MAX - kAlignment ? SIZE_MAX : (bytes + kAlignment - 1) / kAlignment * kAlignment;
  void* memory = rounded == SIZE_MAX ? nullptr : std::aligned_alloc(kAlignment, rounded == 0 ? kAlignment : rounded);
  if (memory == nullptr)
    throw Error(ErrorCode::out_of_memory, "", "expected memory for " + std::to_string(bytes) + " bytes, got none");
  if (content == Content::zeros) std::memset(memory, 0, rounded);
  return {memory, [alive = shared_from_this()](void* p) { std::free(p); }};
}

void HostEngine::check_stream(CUstream_st* stream) const {
  if (stream != nullptr) throw_invalid("stream", "none, as this engine computes on the host", "a CUDA stream");
}

void HostEngine::copy_in(Queue::Impl&, void* to, const void* host, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, host, bytes);
}

void HostEngine::copy_out(Queue::Impl&, void* host, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(host, from, bytes);
}

void HostEngine::synchronize(Queue::Impl&) {}

void HostEngine::advance(Queue::Impl&, NoiseState::Position* position) {
  if (position->step + 1 >= philox::kMaxSteps)
    throw_invalid("step", "in [0, 2^40)", std::to_string(position->step + 1));
  ++position->step;
}

void HostEngine::write_rows(Queue::Impl&, const Batch& batch, const View& rows) {
  const RowIndex row(batch);
  for (std::int64_t n = 0; n < rows.shape.extent[0]; ++n) static_cast<std::int64_t*>(rows.data)[n] = row(n);
}

void HostEngine::estimate(Queue::Impl&, const ConstView& values, Estimate* estimate) {
  Estimate sum;
  for (std::int64_t n = 0; n < values.shape.extent[0]; ++n) add_to(sum, element(values, n));
  *estimate = sum;
}

void check_sigma_values(const ConstView& sigma) {
  if (sigma.empty()) return;
  for (std::int64_t n = 0; n < sigma.shape.extent[0]; ++n) {
    const double value = element(sigma, n);
    if (!(value > 0) || !std::isfinite(value))
      throw_invalid("sigma", "finite values > 0", describe(value) + " at " + std::to_string(n));
  }
}

namespace {

void check_indices(const char* name, const ConstView& indices, std::int64_t end) {
  if (indices.empty()) return;
  for (std::int64_t n = 0; n < indices.shape.extent[0]; ++n) {
    const std::int64_t index = static_cast<const std::int64_t*>(indices.data)[n];
    if (index < 0 || index >= end)
      throw_invalid(name, "in [0, " + std::to_string(end) + ")", std::to_string(index) + " at " + std::to_string(n));
  }
}

}  // namespace

void check_row_values(const ConstView& rows, std::int64_t row_count) { check_indices("rows", rows, row_count); }

void check_label_values(const ConstView& labels, int classes) { check_indices("labels", labels, classes); }

void check_noise_range(const NoiseRef& noise, std::int64_t batch) {
  if (noise.state == nullptr) return;
  const auto& position = *static_cast<const NoiseState::Position*>(noise.state);
  if (noise.sample_offset < 0 || noise.sample_offset > philox::kMaxSamples - position.first_sample - batch)
    throw_invalid("noise.sample_offset", "samples below 2^48",
                  std::to_string(noise.sample_offset) + " past sample " + std::to_string(position.first_sample));
}

}  // namespace scorematch
