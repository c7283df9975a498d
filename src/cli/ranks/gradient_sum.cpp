#include "cli/ranks/gradient_sum.h"

#include <algorithm>

#include "cli/options/refusal.h"
#include "scorematch/error.h"

namespace scorematch::cli {

std::string why_on_host(const std::vector<RankDevice>& ranks) {
  for (std::size_t rank = 0; rank < ranks.size(); ++rank)
    if (!ranks[rank].reason.empty()) return "rank " + std::to_string(rank) + ": " + ranks[rank].reason;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank)
    for (std::size_t other = 0; other < rank; ++other)
      if (ranks[other].device == ranks[rank].device)
        return "ranks " + std::to_string(other) + " and " + std::to_string(rank) + " share a device";
  return "";
}

GradientSum::GradientSum(const Engine& engine, std::int64_t count, Ranks& ranks, const std::string& by)
    : engine_(engine), ranks_(ranks), by_(by) {
  if (ranks.size() == 1 && by != "auto") refuse("--gradients-by", "auto, because there is one process", by);
  if (by == "nccl" && engine.kind() != Engine::Kind::cuda)
    refuse("--gradients-by", "auto or mpi with " + engine.description(), by);
  if (ranks.size() == 1 || by == "mpi" || engine.kind() != Engine::Kind::cuda) return;
  try {
    on_devices_.emplace(engine, ranks.size(), count);
  } catch (const Error& error) {
    if (by == "nccl" || error.code() != ErrorCode::device_unavailable) throw;
    reason_ = error.what();
  }
}

/// All ranks have the same kind of engine.
void GradientSum::agree() {
  if (ranks_.size() == 1 || by_ == "mpi" || engine_.kind() != Engine::Kind::cuda) return;
  // A device's name has no blank, and a reason has some.
  const std::vector<std::string> texts = ranks_.from_all(on_devices_ ? on_devices_->device() : " " + reason_);
  std::vector<RankDevice> devices;
  for (const std::string& each : texts) {
    const bool is_device = each.find(' ') == std::string::npos;
    devices.push_back(is_device ? RankDevice{each, ""} : RankDevice{"", each.substr(1)});
  }
  reason_ = why_on_host(devices);
  ranks_.together([&] {
    if (by_ == "nccl" && !reason_.empty()) refuse("--gradients-by", "auto or mpi, because " + reason_, by_);
  });
  if (!reason_.empty()) return on_devices_.reset();
  RankSum::Id id{};
  ranks_.on_first([&] { id = on_devices_->make_id(); });
  const std::string same = ranks_.from_first(std::string(id.data(), id.size()));
  std::copy(same.begin(), same.end(), id.begin());
  on_devices_->join(ranks_.rank(), id);
}

void GradientSum::run(Queue& queue, Buffer<float>& grad, bool has_samples) {
  if (on_devices_) {
    if (!has_samples && zeros_.size() == 0) zeros_ = engine_.allocate<float>(grad.size());
    return on_devices_->run(queue, has_samples ? grad : zeros_, grad);
  }
  std::vector<float> sum(static_cast<std::size_t>(grad.size()), 0.0f);
  if (has_samples) sum = queue.read(grad);
  ranks_.sum(sum.data(), grad.size());
  queue.write(grad, sum.data());
}

std::string GradientSum::way() const {
  if (ranks_.size() == 1) return "";
  return on_devices_ ? on_devices_->description() : "MPI";
}

}  // namespace scorematch::cli
