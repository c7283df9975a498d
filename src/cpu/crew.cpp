#include "cpu/crew.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>

#include "cpu/processors.h"
#include "scorematch/error.h"

namespace scorematch::cpu {
namespace {

// About 20 us: long enough to bridge the calls of a training step, short enough to waste no time slice of a shared
// machine.
constexpr int kSpins = 2000;
// Rounds after which the helpers are judged: more than a loss has. Rounds that the caller then does alone, at most.
constexpr int kTried = 8, kMostAlone = 128;

// The gate: the number of the round from bit 32 on, then whether it is open, then how many helpers are inside.
constexpr std::uint64_t kOpen = std::uint64_t{1} << 31, kRound = std::uint64_t{1} << 32;

std::uint64_t number_of(std::uint64_t gate) { return gate / kRound; }
std::uint64_t inside(std::uint64_t gate) { return gate % kOpen; }
bool is_open(std::uint64_t gate) { return (gate & kOpen) != 0; }

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

// With more threads than processors, a thread that spins keeps another one from working.
Crew::Crew(int helpers) : spins_(helpers < available_processors() ? kSpins : 0) {
  try {
    for (int worker = 1; worker <= helpers; ++worker) helpers_.emplace_back([this, worker] { help(worker); });
  } catch (const std::system_error& error) {
    const std::size_t got = helpers_.size() + 1;
    stop();
    throw Error(
        ErrorCode::out_of_memory, "threads",
        "threads: expected " + std::to_string(helpers + 1) + ", got " + std::to_string(got) + ": " + error.what());
  }
}

Crew::~Crew() { stop(); }

void Crew::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  start_.notify_all();
  for (std::thread& each : helpers_) each.join();
}

void Crew::run(Round& round) {
  const std::unique_lock<std::mutex> mine(in_use_, std::try_to_lock);
  if (!mine.owns_lock()) return;
  if (alone_ > 0) {
    --alone_;
    return;
  }
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  round_ = &round;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    gate_ = (number_of(gate_) + 1) * kRound + kOpen;
  }
  start_.notify_all();
  const Clock::time_point begin = Clock::now();
  const std::int64_t own = round.take_part(0), others = round.tasks() - own;
  const Clock::time_point end = Clock::now();

  gate_ &= ~kOpen;  // no task is left
  for (int spin = 0; spin < spins_ && inside(gate_) > 0; ++spin) pause();
  if (inside(gate_) > 0) {
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [&] { return inside(gate_) == 0; });
  }
  learn(own, others, begin - start, end - begin, Clock::now() - end);
}

/// Compares what the helpers cost with what the caller would have taken for their tasks. If they cost more in eight
/// rounds, the caller does 8, 16, 32 ... rounds alone before it tries them again.
void Crew::learn(std::int64_t own, std::int64_t others, Nanoseconds waking, Nanoseconds working, Nanoseconds waiting) {
  if (own == 0) return;
  const double theirs = static_cast<double>(others) / static_cast<double>(own) * working.count();
  saved_ += theirs - waking.count() - waiting.count();
  if (++tried_ < kTried) return;
  alone_ = last_alone_ = saved_ < 0 ? std::clamp(2 * last_alone_, kTried, kMostAlone) : 0;
  saved_ = 0;
  tried_ = 0;
}

bool Crew::enter(std::uint64_t number) {
  std::uint64_t gate = gate_;
  while (number_of(gate) == number && is_open(gate))
    if (gate_.compare_exchange_weak(gate, gate + 1)) return true;
  return false;
}

void Crew::leave() {
  const std::uint64_t gate = --gate_;
  if (is_open(gate) || inside(gate) > 0) return;
  const std::lock_guard<std::mutex> lock(mutex_);  // so that a run() that is about to wait does not miss it
  done_.notify_one();
}

void Crew::help(int worker) {
  for (std::uint64_t seen = 0;;) {
    for (int spin = 0; spin < spins_ && number_of(gate_) == seen; ++spin) pause();
    if (number_of(gate_) == seen) {
      std::unique_lock<std::mutex> lock(mutex_);
      start_.wait(lock, [&] { return stop_ || number_of(gate_) != seen; });
    }
    if (stop_) return;
    seen = number_of(gate_);
    if (!enter(seen)) continue;
    round_->take_part(worker);
    leave();
  }
}

}  // namespace scorematch::cpu
