/// @file
/// Where the gradients of the ranks are added: on their devices, by NCCL, or in the memory of the hosts, by MPI. The
/// bits are the same.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/ranks/ranks.h"
#include "scorematch/rank_sum.h"

namespace scorematch::cli {

/// What a rank can do: its device, or why it cannot add there.
struct RankDevice {
  std::string device, reason;
};

/// Why the ranks do not add on their devices; empty if they do.
std::string why_on_host(const std::vector<RankDevice>& ranks);

class GradientSum {
 public:
  /// Exchanges nothing. @param count of elements of a gradient @param by "auto", "mpi" or "nccl", as --gradients-by
  /// @throws Error naming --gradients-by if it has no effect or this rank cannot
  GradientSum(const Engine& engine, std::int64_t count, Ranks& ranks, const std::string& by);
  /// Before the first run(). @throws Error naming --gradients-by; device_fault with what NCCL says
  void agree();
  std::size_t workspace_bytes() const { return on_devices_ ? on_devices_->workspace_bytes() : 0; }
  /// grad = the sum over the ranks. @param has_samples whether this rank's gradient counts; if not, it is zero
  void run(Queue& queue, Buffer<float>& grad, bool has_samples);
  /// "NCCL 2.28.3", or "MPI", or empty if there is one rank.
  std::string way() const;
  /// Why not by NCCL; empty if by NCCL or if nobody would expect it: with engines that have no device.
  const std::string& reason() const { return reason_; }

 private:
  Engine engine_;
  Ranks& ranks_;
  std::string by_;
  std::optional<RankSum> on_devices_;
  Buffer<float> zeros_;  // the gradient of a rank without samples
  std::string reason_;
};

}  // namespace scorematch::cli
