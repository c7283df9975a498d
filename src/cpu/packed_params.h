// The packed parameters of a network, for the threads of a call.
#pragma once
#include <cstddef>
#include <vector>

#include "cpu/padded_net.h"
#include "cpu/thread_pool.h"

namespace scorematch::cpu {

/// Each worker packs small parameters for itself: fetching them from another core's cache would take as long, and no
/// worker has to wait. Large parameters are packed once, by all threads together.
class PackedParams {
 public:
  /// Bytes of an arena. @param workers the number of workers that may call of()
  static std::size_t bytes(const PaddedNet& net, std::size_t workers) {
    return net.bytes() * (is_shared(net) ? 1 : workers);
  }

  /// @param params [P], must not change while this object is used @param down_from the first layer whose input gradient
  /// is needed
  PackedParams(const PaddedNet& net, const float* params, std::size_t down_from, std::size_t workers, ThreadPool& pool,
               char* memory)
      : net_(net), params_(params), down_from_(down_from), memory_(memory), packed_(workers) {
    if (is_shared(net)) net.pack(params, down_from, pool, place(0));
  }

  /// The worker itself must call this.
  const float* of(int worker) {
    if (is_shared(net_)) return place(0);
    if (!packed_[static_cast<std::size_t>(worker)]) net_.pack(params_, down_from_, place(worker));
    packed_[static_cast<std::size_t>(worker)] = 1;
    return place(worker);
  }

 private:
  static bool is_shared(const PaddedNet& net) { return net.bytes() > (std::size_t{1} << 19); }
  float* place(int worker) const {
    return reinterpret_cast<float*>(memory_ + static_cast<std::size_t>(worker) * net_.bytes());
  }

  const PaddedNet& net_;
  const float* params_;
  std::size_t down_from_;
  char* memory_;
  std::vector<char> packed_;  // not of bool, because workers write concurrently
};

}  // namespace scorematch::cpu
