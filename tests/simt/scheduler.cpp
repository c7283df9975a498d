// Chooses the thread that runs next: blocks in an order drawn from the seed and, within a block, a random ready thread
// at each wait. Implements barriers and warp collectives, and detects their misuse.
#include <cstdlib>
#include <deque>
#include <numeric>

#include "simt/state.h"

namespace simt {

Options options;
__thread Lane* g_lane = nullptr;
Launch g_launch;
std::size_t g_arena_bytes = 0;

namespace {

Report g_session;
EnqueueHook g_enqueue_hook = nullptr;
LoadHook g_load_hook = nullptr;
Fiber g_program;
std::vector<Thread*> g_ready;
std::deque<Thread> g_threads;  // a pool; stacks are reused
std::deque<Block> g_blocks;    // resident blocks
std::deque<SharedArena> g_arenas;
std::uint64_t g_random = 1;
std::uint32_t g_next_block = 2, g_next_period = 1;  // never reused; 1 means "permanently"

std::size_t next_index() {
  if (options.order == Order::random) return random_number() % g_ready.size();
  return options.order == Order::forward ? 0 : g_ready.size() - 1;
}

Thread* take_ready() {
  const std::size_t i = next_index();
  Thread* next = g_ready[i];
  if (options.order == Order::random) {
    g_ready[i] = g_ready.back();
    g_ready.pop_back();
  } else {
    g_ready.erase(g_ready.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return next;
}

bool same(Site a, Site b) { return a.line == b.line && std::strcmp(a.file, b.file) == 0; }

void release_barrier(Block& block) {
  block.arrived = 0;
  block.period = ++g_next_period;
  ++session().barriers;
  for (Thread* each : block.threads)
    if (each->state == State::at_barrier) make_ready(*each);
}

void check_exit(Thread& t) {
  Block& block = *t.block;
  if (!t.copies.empty())
    report("cp.async still in flight at the end of its thread, issued at " + name_of(t.copies[0].site) + ", " +
           name_of(t));
  for (const Gathering& each : block.warps[t.warp].gatherings)
    if (each.live && (each.mask >> t.lane & 1) != 0 && (each.arrived >> t.lane & 1) == 0)
      fatal("thread exited while its warp waits for it in a collective at ", each.site, ", ", t);
  if (block.alive > 0 && block.arrived > 0)
    fatal("barrier divergence: ", t, " returned while ", block.arrived, " threads wait in __syncthreads at ",
          block.barrier);
}

void run_thread() {
  Fiber::arrived();
  Thread& t = self();
  g_launch.call.thread(g_launch.call.arguments.get());
  t.state = State::done;
  --t.block->alive;
  check_exit(t);
  switch_away(true);
  std::abort();
}

void start_block(Block& block, SharedArena& arena, std::size_t slot, uint3 index, dim3 grid, dim3 size) {
  const unsigned count = size.x * size.y * size.z;
  block.id = g_next_block++;
  block.period = ++g_next_period;
  block.arrived = 0;
  block.alive = count;
  for (NamedBarrier& each : block.named) each = {};
  block.arena = &arena;
  block.regions.clear();
  block.acquired.clear();
  block.warps.assign((count + kWarp - 1) / kWarp, Warp{});
  block.threads.clear();
  ASAN_UNPOISON_MEMORY_REGION(arena.bytes, g_arena_bytes);
  std::memset(arena.bytes, 0xFF, g_arena_bytes);  // a NaN in every type
  ASAN_POISON_MEMORY_REGION(arena.bytes, g_arena_bytes);
  while (g_threads.size() < (slot + 1) * 1024) g_threads.emplace_back();
  for (unsigned i = 0; i < count; ++i) {
    Thread& t = g_threads[slot * 1024 + i];
    static_cast<Lane&>(t) = {
        {i % size.x, i / size.x % size.y, i / (size.x * size.y)}, index, size, grid, &block, i, i / kWarp, i % kWarp};
    t.copies.clear();
    t.copy_group = 0;
    t.fenced = false;
    t.fiber.prepare(run_thread);
    block.threads.push_back(&t);
    make_ready(t);
  }
}

void report_deadlock(const Block& block) {
  if (block.alive == 0) return;
  std::map<std::string, int> waiting;
  for (const Thread* each : block.threads)
    if (each->state != State::done) ++waiting[std::string(each->waits_in) + " at " + name_of(each->site)];
  std::string message = "deadlock in block (" + std::to_string(block.threads[0]->block_index.x) + "," +
                        std::to_string(block.threads[0]->block_index.y) + "):";
  for (const auto& [where, count] : waiting) message += " " + std::to_string(count) + " threads wait in " + where + ";";
  report(message);
  g_launch.aborted = true;
}

void make_arenas(std::size_t shared_bytes, std::size_t count) {
  const std::size_t wanted = (shared_bytes + (kMaxArrays + 1) * kRedZone + 1023) / 1024 * 1024;
  if (wanted > g_arena_bytes) {
    g_arenas.clear();
    g_arena_bytes = wanted;
  }
  while (g_arenas.size() < count) g_arenas.emplace_back(g_arena_bytes);
}

int run(dim3 grid, dim3 size, std::size_t shared_bytes, Call call) {
  const std::uint64_t threads = std::uint64_t{size.x} * size.y * size.z;
  const std::size_t blocks = std::size_t{grid.x} * grid.y * grid.z;
  if (threads == 0 || threads > 1024 || blocks == 0 || grid.y > 65535 || shared_bytes > kMaxShared) {
    report("invalid launch configuration");
    return kInvalidConfiguration;
  }
  const std::size_t errors = session().errors.size();
  ++session().launches;
  g_ready.clear();
  g_launch = {std::move(call), shared_bytes, g_next_block, false, {}};
  g_random = options.seed * 0x9E3779B97F4A7C15u + 1;
  start_checking_launch();
  const std::size_t resident = std::min<std::size_t>(static_cast<std::size_t>(options.resident_blocks), blocks);
  make_arenas(shared_bytes, resident);
  while (g_blocks.size() < resident) g_blocks.emplace_back();
  std::vector<std::uint32_t> order(blocks);
  std::iota(order.begin(), order.end(), 0u);
  if (options.order == Order::reverse) std::reverse(order.begin(), order.end());
  for (std::size_t i = blocks; options.order == Order::random && i > 1; --i)
    std::swap(order[i - 1], order[random_number() % i]);
  for (std::size_t first = 0; first < blocks && !g_launch.aborted; first += resident) {
    const std::size_t here = std::min(resident, blocks - first);
    for (std::size_t slot = 0; slot < here; ++slot) {
      const std::uint32_t i = order[first + slot];
      start_block(g_blocks[slot], g_arenas[slot], slot, {i % grid.x, i / grid.x % grid.y, i / (grid.x * grid.y)}, grid,
                  size);
    }
    Thread* next = take_ready();
    g_lane = next;
    g_program.switch_to(next->fiber, false);
    g_lane = nullptr;
    for (std::size_t slot = 0; slot < here && !g_launch.aborted; ++slot) report_deadlock(g_blocks[slot]);
  }
  return session().errors.size() == errors ? 0 : kLaunchFailure;
}

/// Joins the lanes that wait for this collective, or starts a new one.
Gathering* join(Thread& t, Op op, std::uint32_t mask, Site site) {
  Warp& warp = t.block->warps[t.warp];
  for (Gathering& each : warp.gatherings) {
    if (!each.live || (each.mask & mask) == 0) continue;
    if (each.mask == mask && each.op == op && same(each.site, site)) return &each;
    fatal("warp divergence: lane ", t.lane, " is in a collective at ", site, " while others of the warp wait at ",
          each.site, ", ", t);
  }
  for (Gathering& each : warp.gatherings)
    if (!each.live) {
      each = Gathering{};
      each.live = true;
      each.op = op;
      each.mask = mask;
      each.site = site;
      return &each;
    }
  fatal("more than four collectives of one warp at once, at ", site);
  return nullptr;
}

void shuffle_lanes(const Gathering& g) {
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    if ((g.mask >> lane & 1) == 0) continue;
    auto& record = *static_cast<ShuffleRecord*>(g.record[lane]);
    const int width = record.width, me = static_cast<int>(lane), base = me / width * width;
    int from = me;
    if (g.op == Op::shuffle_index) from = base + (record.argument & (width - 1));
    if (g.op == Op::shuffle_xor) from = me ^ record.argument;
    if (g.op == Op::shuffle_up) from = me - record.argument;
    if (g.op == Op::shuffle_down) from = me + record.argument;
    if (from < base || from >= base + width) from = me;
    if ((g.mask >> from & 1) == 0) {
      report("shuffle reads lane " + std::to_string(from) + " that is not in the mask, at " + name_of(g.site));
      from = me;
    }
    std::memcpy(record.out, static_cast<ShuffleRecord*>(g.record[from])->in, sizeof record.out);
  }
}

void ballot_lanes(const Gathering& g) {
  std::uint32_t votes = 0;
  for (unsigned lane = 0; lane < kWarp; ++lane)
    if ((g.mask >> lane & 1) != 0 && static_cast<BallotRecord*>(g.record[lane])->predicate) votes |= 1u << lane;
  for (unsigned lane = 0; lane < kWarp; ++lane)
    if ((g.mask >> lane & 1) != 0) static_cast<BallotRecord*>(g.record[lane])->out = votes;
}

void complete(Gathering& g, Block& block, unsigned warp) {
  g.live = false;
  ++session().collectives;
  switch (g.op) {
    case Op::sync_warp:  // to the checker, a partial mask orders nothing: it may report too much, but never too little
      if (g.mask == ~0u) ++block.warps[warp].period;
      break;
    case Op::ballot:
      ballot_lanes(g);
      break;
    case Op::ldmatrix:
    case Op::mma_bf16:
    case Op::mma_tf32:
      run_matrix_op(g, block, warp);
      break;
    case Op::shuffle_index:
    case Op::shuffle_xor:
    case Op::shuffle_up:
    case Op::shuffle_down:
      shuffle_lanes(g);
      break;
  }
}

}  // namespace

Report& session() { return g_session; }
void set_hooks(EnqueueHook enqueue, LoadHook load) { g_enqueue_hook = enqueue, g_load_hook = load; }

std::uint64_t random_number() {
  g_random ^= g_random << 13;
  g_random ^= g_random >> 7;
  g_random ^= g_random << 17;
  return g_random * 0x2545F4914F6CDD1Du >> 16;
}

void report(std::string message) {
  if (static_cast<int>(g_session.errors.size()) < options.max_reports) g_session.errors.push_back(std::move(message));
}

void end_launch() {
  g_launch.aborted = true;
  g_ready.clear();
  if (g_lane != nullptr) switch_away(true);
}

void make_ready(Thread& thread) {
  thread.state = State::ready;
  g_ready.push_back(&thread);
}

void switch_away(bool dies) {
  ++g_session.switches;
  Thread& t = self();
  Thread* next = g_launch.aborted || g_ready.empty() ? nullptr : take_ready();
  if (next == &t) return;
  g_lane = next;
  t.fiber.switch_to(next != nullptr ? next->fiber : g_program, dies);
  g_lane = &t;
}

void sync_threads(Site site) {
  Thread& t = self();
  Block& block = *t.block;
  if (block.arrived == 0) block.barrier = site;
  if (!same(block.barrier, site))
    return fatal("barrier divergence: ", t, " is in __syncthreads at ", site, " while ", block.arrived,
                 " threads wait at ", block.barrier);
  if (block.alive != block.threads.size())
    return fatal("barrier divergence: ", block.threads.size() - block.alive,
                 " threads had returned when others reached __syncthreads at ", site, ", ", t);
  t.state = State::at_barrier;
  t.site = site;
  t.waits_in = "__syncthreads";
  if (++block.arrived == block.alive) release_barrier(block);
  switch_away(false);
}

void come_to_barrier(int barrier, int threads, bool waits, Site site) {
  Thread& t = self();
  Block& block = *t.block;
  if (barrier < 1 || barrier >= kBarriers || threads < 1 || threads % static_cast<int>(kWarp) != 0)
    return fatal("no barrier ", barrier, " of ", threads, " threads, at ", site);
  NamedBarrier& b = block.named[barrier];
  if (b.arrived.empty()) b.threads = threads;
  if (b.threads != threads)
    return fatal("barrier ", barrier, " is called with ", b.threads, " and ", threads, " threads, at ", site);
  if (!b.arrived.insert(t.linear).second)
    return fatal("a thread comes again to a barrier that has not ended, at ", site, ", ", t);
  if (waits) {
    t.state = State::at_named_barrier;
    t.site = site;
    t.waits_in = "a named barrier";
    b.waiting.push_back(&t);
  }
  if (static_cast<int>(b.arrived.size()) == threads) {
    // To the checker this orders all threads of the block, also those that take no part: it may report too little.
    block.period = ++g_next_period;
    ++session().barriers;
    for (Thread* each : b.waiting) make_ready(*each);
    b = {};
  }
  if (waits) switch_away(false);
}

void collective(Op op, std::uint32_t mask, void* record, Site site) {
  Thread& t = self();
  Block& block = *t.block;
  if ((mask >> t.lane & 1) == 0)
    return fatal("lane ", t.lane, " calls a warp collective whose mask does not contain it, at ", site);
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    const unsigned i = t.warp * kWarp + lane;
    if ((mask >> lane & 1) != 0 && (i >= block.threads.size() || block.threads[i]->state == State::done))
      return fatal("the mask of the warp collective at ", site, " contains lane ", lane,
                   ", which has exited or does not exist, ", t);
  }
  Gathering& g = *join(t, op, mask, site);
  g.record[t.lane] = record;
  g.arrived |= 1u << t.lane;
  t.state = State::in_collective;
  t.site = site;
  t.waits_in = "a warp collective";
  if (g.arrived == mask) {
    complete(g, block, t.warp);
    for (unsigned lane = 0; lane < kWarp; ++lane)
      if ((mask >> lane & 1) != 0) make_ready(*block.threads[t.warp * kWarp + lane]);
  }
  switch_away(false);
}

void yield() {
  make_ready(self());
  switch_away(false);
}

void trap(Site site) { fatal("__trap at ", site, ", ", self()); }

int load(const void* kernel) { return g_load_hook == nullptr ? 0 : g_load_hook(kernel); }

int enqueue_call(CUstream_st* stream, dim3 grid, dim3 block, std::size_t shared_bytes, Call call) {
  if (g_enqueue_hook != nullptr)
    return g_enqueue_hook(stream, call.kernel, [=] { return run(grid, block, shared_bytes, call); });
  return run(grid, block, shared_bytes, std::move(call));
}

}  // namespace simt
