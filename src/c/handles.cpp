#include "c/handles.h"

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "checks/argument.h"
#include "checks/descriptions.h"
#include "formats/spec_plans.h"

namespace scorematch::c {

// The C structs have the memory layout of the C++ structs of the same names.
static_assert(std::is_standard_layout_v<View> && std::is_standard_layout_v<ConstView>);
static_assert(sizeof(scorematch_shape) == sizeof(Shape) && sizeof(scorematch_view) == sizeof(View));
static_assert(sizeof(View) == sizeof(ConstView) && offsetof(scorematch_view, data) == offsetof(View, data));
static_assert(offsetof(scorematch_shape, extent) == offsetof(Shape, extent));
static_assert(offsetof(scorematch_view, dtype) == offsetof(View, dtype));
static_assert(offsetof(scorematch_view, shape) == offsetof(View, shape));
static_assert(offsetof(scorematch_view, stride) == offsetof(View, stride));
static_assert(sizeof(scorematch_estimate) == sizeof(Estimate) && std::is_standard_layout_v<Estimate>);
static_assert(offsetof(scorematch_estimate, mean) == offsetof(Estimate, mean));
static_assert(offsetof(scorematch_estimate, m2) == offsetof(Estimate, m2));
static_assert(SCOREMATCH_F32 == static_cast<int>(DType::f32) && SCOREMATCH_F64 == static_cast<int>(DType::f64) &&
              SCOREMATCH_I64 == static_cast<int>(DType::i64));

namespace {

template <class To, class From>
To convert(const From& from) {
  To to;
  to.data = from.data;
  to.dtype = static_cast<decltype(to.dtype)>(from.dtype);
  to.shape.rank = from.shape.rank;
  std::copy_n(from.shape.extent, 3, to.shape.extent);
  std::copy_n(from.stride, 3, to.stride);
  return to;
}

}  // namespace

ConstView input(const scorematch_view& view) { return convert<ConstView>(view); }
View output(const scorematch_view& view) { return convert<View>(view); }
scorematch_view view_of(const View& view) { return convert<scorematch_view>(view); }

scorematch_view view_of(const ConstView& view) {
  View writable;
  writable.data = const_cast<void*>(view.data);
  writable.dtype = view.dtype;
  writable.shape = view.shape;
  std::copy_n(view.stride, 3, writable.stride);
  return view_of(writable);
}

scorematch_net net_handle(const MlpShape& net) {
  check(net);
  return {net, net_text(net), net.layers()};
}

scorematch_adam_snapshot snapshot_handle(const Adam::Snapshot& snapshot) {
  return {snapshot, adam_options_text(snapshot.options)};
}

NoiseRef noise_of(const scorematch_noise_ref& ref) {
  return ref.noise == nullptr ? NoiseRef{} : ref.noise->state.from(ref.sample_offset);
}

Batch batch_of(const scorematch_batch& batch) {
  return {input(batch.x),          noise_of(batch.noise),   input(batch.sigma),   input(batch.eps),
          input(batch.directions), input(batch.true_score), input(batch.rows),    batch.draw_rows,
          input(batch.weight),     input(batch.context),    input(batch.present), input(batch.labels)};
}

Estimate* estimate_of(scorematch_estimate* estimate) { return reinterpret_cast<Estimate*>(estimate); }

Reduction reduction_of(const scorematch_reduction* reduction) {
  if (reduction == nullptr) return {};
  const auto given = sized(reduction, "reduction", offsetof(scorematch_reduction, loss_scale));
  return {given.normaliser, given.accumulate != 0, given.loss_scale == 0 ? 1.0 : given.loss_scale};
}

Loss loss_of(const char* text) {
  MetadataReader reader = MetadataReader::of_text("loss", need_text(text, "loss"));
  const Loss loss = read_loss(reader, read_sigma_data(reader));
  reader.refuse_rest();
  return loss;
}

Compute compute_of(const char* text) {
  MetadataReader reader = MetadataReader::of_text("compute", optional_text(text));
  const Compute compute = read_compute(reader);
  reader.refuse_rest();
  return compute;
}

Adam::Progress progress_of(const scorematch_adam_progress& progress) {
  return {progress.learning_rate, progress.grad_norm, progress.step, progress.skipped};
}
scorematch_adam_progress progress_of(const Adam::Progress& progress) {
  return {progress.learning_rate, progress.grad_norm, progress.step, progress.skipped};
}

NoiseState::Position position_of(const scorematch_noise_position& position) {
  return {position.seed, position.step, position.first_sample};
}
scorematch_noise_position position_of(const NoiseState::Position& position) {
  return {position.seed, position.step, position.first_sample};
}

void write_report(const PlanReport& from, scorematch_plan_report* to) {
  sized(to, "report", sizeof(scorematch_plan_report));
  to->route = static_cast<std::int32_t>(from.route);
  to->launches = from.launches;
  to->text[from.text.copy(to->text, sizeof to->text - 1)] = '\0';
}

void check_count(const char* name, std::int64_t count, std::int64_t wanted) {
  if (count != wanted) throw_invalid(name, std::to_string(wanted) + " elements", std::to_string(count));
}

}  // namespace scorematch::c
