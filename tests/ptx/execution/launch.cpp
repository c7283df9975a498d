// Launches: blocks run one after another, and their warps take turns from barrier to barrier. With SCOREMATCH_PTX_SEED,
// blocks and warps run in a random order, and a warp runs only a few branches at a time.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <numeric>
#include <random>

#include "ptx/execution/interpreter.h"
#include "ptx/execution/report.h"
#include "ptx/execution/special_registers.h"

namespace ptx {
namespace {

constexpr std::size_t kAlignment = 64;  // bytes, of the register file

std::mt19937_64& generator() {
  static std::mt19937_64 engine(static_cast<u64>(env("SCOREMATCH_PTX_SEED", 0)));
  return engine;
}

bool is_shuffled() { return env("SCOREMATCH_PTX_SEED", 0) != 0; }

u64 volume(const u32 (&extent)[3]) { return u64{extent[0]} * extent[1] * extent[2]; }

/// The lowest `count` lanes, at most 32.
u32 first_lanes(u32 count) { return count >= kLanes ? kFullWarp : (1u << count) - 1; }

/// Warps are reused between launches, because their memory is large.
std::vector<Warp>& warp_pool(std::size_t count) {
  static std::vector<Warp> warps;
  if (warps.size() < count) warps.resize(count);
  return warps;
}

class Launcher {
 public:
  explicit Launcher(const Launch& launch)
      : launch_(launch),
        program_(*launch.program),
        threads_(static_cast<u32>(volume(launch.block))),
        warp_count_((threads_ + kLanes - 1) / kLanes),
        warps_(warp_pool(warp_count_)),
        shuffled_(is_shuffled()) {}

  void run() {
    prepare_block();
    for (u32 i = 0; i < warp_count_; ++i) prepare_warp(warps_[i], i);
    for (const u64 number : block_order()) {
      start_block(number);
      run_block();
      for (u32 i = 0; i < warp_count_; ++i) {
        warp_instructions_ += warps_[i].executed;
        thread_instructions_ += warps_[i].thread_executed;
      }
    }
  }

  u64 warp_instructions() const { return warp_instructions_; }
  u64 thread_instructions() const { return thread_instructions_; }

 private:
  std::vector<u64> block_order() const {
    std::vector<u64> order(volume(launch_.grid));
    std::iota(order.begin(), order.end(), u64{0});
    if (shuffled_) std::shuffle(order.begin(), order.end(), generator());
    return order;
  }

  // ---- Once per launch

  void prepare_block() {
    block_.launch = &launch_;
    block_.warps = &warps_;
    block_.shared_end = launch_.dynamic_shared == 0 ? kSharedStart + program_.static_shared
                                                    : program_.dynamic_start() + launch_.dynamic_shared;
    block_.shared.resize(block_.shared_end - kSharedStart + 64);
    block_.shadow.resize(block_.shared.size());
  }

  void prepare_warp(Warp& warp, u32 number) {
    warp.program = &program_;
    warp.block = &block_;
    warp.number = number;
    const std::size_t file_bytes = program_.file_bytes + kAlignment;
    if (warp.register_memory.size() < file_bytes) warp.register_memory.resize(file_bytes);
    u8* memory = warp.register_memory.data();
    warp.registers = memory + (kAlignment - reinterpret_cast<std::uintptr_t>(memory) % kAlignment) % kAlignment;
    if (warp.uninitialized.size() < program_.ids) warp.uninitialized.resize(program_.ids);
    warp.frame_bytes = (program_.frame_bytes + 15) / 16 * 16;
    warp.frame.resize(kLanes * static_cast<std::size_t>(warp.frame_bytes));
    warp.frame_shadow.resize(warp.frame.size());
    for (const Constant& each : program_.constants) set_constant(warp, each);
  }

  static void set_constant(Warp& warp, const Constant& constant) {
    if (constant.bytes == 0) {
      warp.predicate(constant.op) = static_cast<u32>(constant.bits);
      return;
    }
    const std::size_t bytes = static_cast<std::size_t>(constant.bytes);
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      std::memcpy(warp.registers + constant.op.offset + lane * bytes, &constant.bits, bytes);
  }

  // ---- Once per block

  void start_block(u64 number) {
    block_.number = static_cast<u32>(number);
    block_.index[0] = static_cast<u32>(number % launch_.grid[0]);
    block_.index[1] = static_cast<u32>(number / launch_.grid[0] % launch_.grid[1]);
    block_.index[2] = static_cast<u32>(number / launch_.grid[0] / launch_.grid[1]);
    block_.barriers = 0;
    std::fill(std::begin(block_.named), std::end(block_.named), NamedBarrier());
    std::fill(block_.shared.begin(), block_.shared.end(), u8{0xFF});  // a NaN in every type
    std::fill(block_.shadow.begin(), block_.shadow.end(), u8{0});
    if (race_level() != 0) block_.trace.assign(block_.shared.size() / 2 + 2, Trace());
    for (u32 i = 0; i < warp_count_; ++i) start_warp(warps_[i]);
    order_.resize(warp_count_);
    std::iota(order_.begin(), order_.end(), 0u);
  }

  void start_warp(Warp& warp) {
    std::fill_n(warp.uninitialized.begin(), program_.ids, kFullWarp);
    for (const Constant& each : program_.constants)
      warp.uninitialized[each.op.id] = warp.uninitialized[each.op.id + each.op.wide] = 0;
    for (const SpecialOperand& each : program_.specials) warp.uninitialized[each.op.id] = 0;
    std::fill(warp.frame_shadow.begin(), warp.frame_shadow.end(), u8{0});
    warp.started = warp.live = first_lanes(threads_ - kLanes * warp.number);
    warp.groups.assign(1, {0, warp.live, false});
    warp.state = Warp::ready;
    warp.copies.clear();
    std::fill(std::begin(warp.async_group), std::end(warp.async_group), 0u);
    warp.depth = 0;
    warp.executed = warp.thread_executed = 0;
    set_special_registers(warp);
  }

  void run_block() {
    for (;;) {
      if (run_ready_warps()) continue;
      if (release_barriers()) continue;
      if (count_warps([](const Warp& warp) { return warp.state != Warp::done; }) == 0) return;
      ++stats.faults;
      throw Fault("deadlock: warps wait at different barriers, kernel " + program_.function->name);
    }
  }

  template <class Condition>
  u32 count_warps(Condition condition) const {
    return static_cast<u32>(std::count_if(warps_.begin(), warps_.begin() + warp_count_, condition));
  }

  /// Gives every ready warp a turn. Returns whether there was one.
  bool run_ready_warps() {
    if (shuffled_) std::shuffle(order_.begin(), order_.end(), generator());
    bool any = false;
    for (const u32 i : order_) {
      Warp& warp = warps_[i];
      if (warp.state != Warp::ready) continue;
      any = true;
      const Outcome outcome = interpret(warp, shuffled_ ? 1 + generator()() % 40 : ~u64{0});
      if (outcome == Outcome::at_barrier) warp.state = Warp::at_barrier;
      if (outcome != Outcome::finished) continue;
      warp.state = Warp::done;
      if (!warp.copies.empty())
        complain("cp.async was not waited for before the end of kernel " + program_.function->name);
    }
    return any;
  }

  /// Releases the barriers of all threads that all warps have reached. Returns whether there was one.
  bool release_barriers() {
    bool any = false;
    for (u32 barrier = 0; barrier < kBarriers; ++barrier) {
      const auto waits_here = [barrier](const Warp& warp) {
        return warp.state == Warp::at_barrier && warp.barrier == barrier && warp.barrier_threads == 0;
      };
      const u32 arrived = count_warps(waits_here);
      if (arrived == 0 || !is_complete(arrived)) continue;
      for (u32 i = 0; i < warp_count_; ++i)
        if (waits_here(warps_[i])) warps_[i].state = Warp::ready;
      ++block_.barriers;
      any = true;
    }
    return any;
  }

  bool is_complete(u32 arrived) const {
    const u32 alive = count_warps([](const Warp& warp) { return warp.state != Warp::done; });
    if (arrived != alive) return false;
    if (alive != warp_count_) complain("bar.sync after whole warps have exited, kernel " + program_.function->name);
    return true;
  }

  const Launch& launch_;
  Program& program_;
  const u32 threads_, warp_count_;
  std::vector<Warp>& warps_;
  const bool shuffled_;
  Block block_;
  std::vector<u32> order_;
  u64 warp_instructions_ = 0, thread_instructions_ = 0;
};

void print_launch(const Launch& launch, const Launcher& launcher, double seconds) {
  std::fprintf(stderr,
               "emulator: %s grid (%u, %u, %u) block %u shared %u: %.3g M warp, %.3g M thread instructions, %.3f s\n",
               launch.program->function->name.c_str(), launch.grid[0], launch.grid[1], launch.grid[2],
               static_cast<u32>(volume(launch.block)), launch.dynamic_shared,
               static_cast<double>(launcher.warp_instructions()) / 1e6,
               static_cast<double>(launcher.thread_instructions()) / 1e6, seconds);
}

}  // namespace

void run(const Launch& launch) {
  static const bool prints = env("SCOREMATCH_PTX_TRACE", 0) != 0;
  const auto begin = std::chrono::steady_clock::now();
  ++current_launch;
  Launcher launcher(launch);
  launcher.run();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  ++stats.launches;
  stats.warp_instructions += launcher.warp_instructions();
  stats.thread_instructions += launcher.thread_instructions();
  stats.seconds += seconds;
  if (prints) print_launch(launch, launcher, seconds);
}

}  // namespace ptx
