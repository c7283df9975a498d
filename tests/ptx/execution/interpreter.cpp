// Divergence: lanes that are at the same instruction form a group. The group at the lowest address runs until it
// reaches the next one, with which it merges. Instructions that need several lanes wait until these have arrived.
#include "ptx/execution/interpreter.h"

#include <algorithm>

#include "ptx/execution/report.h"

namespace ptx {
namespace {

enum class Step { regroup, at_barrier, paused };

/// Sorts groups by address and merges those at the same one.
void merge_groups(std::vector<Group>& groups) {
  std::sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) { return a.counter < b.counter; });
  std::size_t count = 0;
  for (const Group& each : groups) {
    if (each.lanes == 0) continue;
    if (count > 0 && groups[count - 1].counter == each.counter) {
      groups[count - 1].lanes |= each.lanes;
      groups[count - 1].waits = false;  // it may have all its lanes now
    } else {
      groups[count++] = each;
    }
  }
  groups.resize(count);
}

/// Runs the groups of a kernel, or of a function that some lanes have called.
class Interpreter {
 public:
  Interpreter(Warp& warp, std::vector<Group>& groups, u32 callers, u64 branches)
      : warp_(warp), groups_(groups), callers_(callers), branches_(branches), code_(warp.program->code.data()) {}

  Outcome run() {
    for (;;) {
      merge_groups(groups_);
      if (groups_.empty()) return Outcome::finished;
      const Step step = run_group(choose_group());
      if (step == Step::at_barrier) return Outcome::at_barrier;
      if (step == Step::paused) return Outcome::paused;
    }
  }

 private:
  std::size_t choose_group() {
    for (std::size_t i = 0; i < groups_.size(); ++i)
      if (!groups_[i].waits) return i;
    const Group& first = groups_[0];
    u32 all = 0;
    for (const Group& each : groups_) all |= each.lanes;
    const u32 elsewhere = all & ~first.lanes;
    fault(warp_, code_[first.counter], __builtin_ctz(elsewhere != 0 ? elsewhere : first.lanes),
          "deadlock by divergence: lanes " + std::to_string(first.lanes) + " of " + std::to_string(all) +
              " wait here for lanes that " +
              (elsewhere != 0 ? "wait elsewhere" : "have exited or have not been called"));
  }

  u32 guarded_lanes(const Instruction& instruction, u32 lanes) {
    const u32 predicate = warp_.predicate(instruction.guard);
    u32& uninitialized = warp_.uninitialized[instruction.guard.id];
    if ((uninitialized & lanes) != 0) {
      report_uninitialized(warp_, instruction, uninitialized & lanes, "a predicate");
      uninitialized &= ~lanes;  // once
    }
    return lanes & (instruction.guard_negated ? ~predicate : predicate);
  }

  /// Runs one group until it has to be merged or split, or to wait.
  Step run_group(std::size_t chosen) {
    static const bool counts = env("SCOREMATCH_PTX_COUNT", 0) != 0;
    Warp& warp = warp_;
    const Instruction* const code = code_;
    const u32 lanes = groups_[chosen].lanes;
    const u32 next_group = chosen + 1 < groups_.size() ? groups_[chosen + 1].counter : ~0u;
    u32 counter = groups_[chosen].counter;
    const auto leave = [&](u32 at, Step step = Step::regroup) {
      groups_[chosen].counter = at;
      return step;
    };
    for (;;) {
      const Instruction& instruction = code[counter];
      const u32 active = instruction.guarded ? guarded_lanes(instruction, lanes) : lanes;
      ++warp.executed;
      warp.thread_executed += static_cast<u64>(__builtin_popcount(active));
      if (counts) ++opcode_counts[instruction.name];
      if (instruction.flow == kNext) {  // nearly all
        if (active != 0) instruction.handler(warp, instruction, active);
        if (++counter >= next_group) return leave(counter);
        continue;
      }
      switch (instruction.flow) {
        case kNext:  // above
          break;
        case kBranch:
          if (active != 0 && active != lanes) return diverge(chosen, counter, active);
          counter = active != 0 ? instruction.target : counter + 1;
          if (branches_ == 0) return leave(counter, Step::paused);
          --branches_;
          if (counter >= next_group) return leave(counter, branches_ == 0 ? Step::paused : Step::regroup);
          continue;
        case kExit:
          groups_[chosen].lanes = lanes & ~active;
          if (warp_.depth == 0) warp_.live &= ~active;
          return leave(counter + 1);
        case kConverged: {
          if (active == 0) {
            ++counter;
            break;
          }
          const bool complete = has_all_members(instruction, active);
          if (active != lanes) return split(chosen, counter, active, !complete);
          if (!complete) {
            groups_[chosen].waits = true;
            return leave(counter);
          }
          instruction.handler(warp_, instruction, active);
          ++counter;
          break;
        }
        case kCall:
          if (active != 0) call(instruction, active);
          ++counter;
          break;
        case kBlockBarrier:
          if (warp_.depth != 0) fault(warp_, instruction, __builtin_ctz(lanes), "a barrier in a function");
          if (active == 0) {
            ++counter;
            break;
          }
          if (active == warp_.live) {
            if (!arrive_at_barrier(instruction)) return leave(counter + 1, Step::at_barrier);
            ++counter;
            break;
          }
          if (active != lanes)
            fault(warp_, instruction, __builtin_ctz(lanes & ~active), "bar.sync by only a part of a warp");
          groups_[chosen].waits = true;
          return leave(counter);
      }
      if (counter >= next_group) return leave(counter);
    }
  }

  /// The lanes that take a branch form a new group.
  Step diverge(std::size_t chosen, u32 counter, u32 taken) {
    const Instruction& branch = code_[counter];
    if (branch.uniform) fault(warp_, branch, __builtin_ctz(taken), "bra.uni, but its lanes diverge");
    groups_[chosen].counter = counter + 1;
    groups_[chosen].lanes &= ~taken;
    groups_.push_back({branch.target, taken, false});
    return Step::regroup;
  }

  /// The lanes whose guard holds stay; the others continue.
  Step split(std::size_t chosen, u32 counter, u32 staying, bool waits) {
    groups_[chosen].counter = counter + 1;
    groups_[chosen].lanes &= ~staying;
    groups_.push_back({counter, staying, waits});
    return Step::regroup;
  }

  /// Whether all the lanes that an instruction needs are active.
  bool has_all_members(const Instruction& instruction, u32 active) {
    const u32 present = warp_.depth == 0 ? warp_.live : callers_;
    if (instruction.members == kAllLanes) return active == present;
    const u32* masks = warp_.values<u32>(instruction.operand[instruction.members]);
    u32 named = 0;
    for (u32 rest = active; rest != 0; rest &= rest - 1) named |= masks[__builtin_ctz(rest)];
    return (named & present & ~active) == 0;
  }

  void call(const Instruction& instruction, u32 active) {
    std::vector<Group> groups{{instruction.target, active, false}};
    ++warp_.depth;
    Interpreter(warp_, groups, active, ~u64{0}).run();
    --warp_.depth;
  }

  /// Returns whether the warp goes on: it only arrives, or the barrier has ended.
  bool arrive_at_barrier(const Instruction& instruction) {
    warp_.barrier = static_cast<u32>(instruction.immediate);
    warp_.barrier_threads = instruction.target;
    const u32 exited = warp_.started & ~warp_.live;
    if (exited != 0)
      complain("bar.sync after lanes of the warp have exited: " + where(warp_, instruction, __builtin_ctz(exited)));
    if (instruction.target == 0) return false;  // it ends when all warps of the block wait
    Block& block = *warp_.block;
    NamedBarrier& barrier = block.named[warp_.barrier];
    if (barrier.arrived == 0) barrier.threads = instruction.target;
    if (barrier.threads != instruction.target)
      fault(warp_, instruction, __builtin_ctz(warp_.live), "a barrier that others come to with another size");
    barrier.arrived += kLanes;
    if (barrier.arrived < barrier.threads) return (instruction.flags & kArrives) != 0;
    barrier.arrived = 0;
    ++block.barriers;
    for (Warp& each : *block.warps)
      if (each.block == &block && each.state == Warp::at_barrier && each.barrier == warp_.barrier &&
          each.barrier_threads != 0)
        each.state = Warp::ready;
    return true;
  }

  Warp& warp_;
  std::vector<Group>& groups_;
  const u32 callers_;
  u64 branches_;
  const Instruction* const code_;
};

}  // namespace

Outcome interpret(Warp& warp, u64 branches) { return Interpreter(warp, warp.groups, warp.started, branches).run(); }

}  // namespace ptx
