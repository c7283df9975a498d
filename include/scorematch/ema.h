/// @file
/// Ema: an exponential moving average of parameters, for callers with an optimizer of their own. Adam has one itself.
#pragma once
#include <cstdint>
#include <memory>

#include "scorematch/queue.h"

namespace scorematch {

/// average <- average + (1 - decay) (params - average), after each step (Karras et al. 2022, appendix F.2, for
/// example). Float32 on every engine, as Adam is. Nothing that changes is on the host, so a captured update() goes on
/// with each replay. Move-only.
class SCOREMATCH_API Ema {
 public:
  /// @param decay in (0, 1) @throws Error invalid_argument
  Ema(const Engine& engine, std::int64_t param_count, double decay);
  /// An Ema that has been moved from refuses every call by name.
  Ema(Ema&&) noexcept;
  Ema& operator=(Ema&&) noexcept;
  ~Ema();

  /// Enqueues average = params: the start of the average, or its value in a checkpoint. @param params [P] float32
  void start(Queue& queue, ConstView params);
  /// Enqueues one update. @param params [P] float32 @throws Error unless start() was called
  void update(Queue& queue, ConstView params);
  /// The average, [P], in engine memory.
  ConstView average() const;
  double decay() const;
  /// Whether the average after `updates` updates is worth sampling with: its start then has the weight decay^updates,
  /// which must be at most 0.01.
  bool is_settled(std::int64_t updates) const;

  struct Impl;

 private:
  Impl& impl() const;
  std::unique_ptr<Impl> impl_;
};

}  // namespace scorematch
