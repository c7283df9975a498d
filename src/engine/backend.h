// The backend interface: what an engine does for the public plans. Plans validate shapes before they call an engine,
// which does not check them again.
#pragma once
#include <cstddef>
#include <memory>
#include <string>

#include "engine/specs.h"
#include "model/param_ranges.h"
#include "scorematch/adam.h"
#include "scorematch/engine.h"
#include "scorematch/plan_data.h"
#include "scorematch/queue.h"
#include "scorematch/rank_sum.h"

namespace scorematch {

/// Which element types an engine reads and writes.
enum class Floats { f32_only, f32_or_f64 };

/// One engine's implementation of one plan. Immutable; several threads may call run() at once, with a queue each.
template <class In, class Out, class... More>
class Program {
 public:
  virtual ~Program() = default;
  virtual std::size_t workspace_bytes() const { return 0; }
  virtual PlanReport report(std::int64_t /*batch*/) const { return {Route::automatic, 0, "on the host"}; }
  virtual void run(Queue::Impl& queue, const In& in, const Out& out, std::int64_t batch, const More&... more) const = 0;
};
using LossProgram = Program<LossIn, LossOut, Reduction>;
using ScoreProgram = Program<ScoreIn, ScoreOut>;
using PerturbProgram = Program<Batch, PerturbOut>;
using DirectionProgram = Program<NoiseRef, View>;
using HeadProgram = Program<HeadIn, HeadOut, Reduction>;

/// Adam's state, all of it in engine memory.
struct AdamState {
  float* first_moment;
  float* second_moment;
  float* ema;     // null: no average
  void* scratch;  // adam_scratch_bytes(), used within one step
  Adam::Progress* progress;
  std::int64_t count;
  const ParamRange* ranges;
  int range_count;  // at least 1
};

/// out = x + score_factor s + second_factor s2 + noise_factor z, where z is sampler step `index` of `noise`. x, s and
/// s2 may be null (zero), and out may be any of them. All are [N, d] of the engine's working type; scores are dense.
struct SamplerUpdate {
  View out;
  ConstView x, score, second_score;
  double score_factor = 0, second_factor = 0, noise_factor = 0;
  NoiseRef noise{};
  std::int64_t index = 0;  // kInitial: the draw that a sampler starts from
  static constexpr std::int64_t kInitial = -1;
};

/// One decision per sample between the state x of a Langevin chain, with score s and log-density f, and the proposal x'
/// that a step of size h drew from there, with s' and f'. The chain moves, and `accepted` grows by 1, if
///   ln u < f' - f + ln q(x | x') - ln q(x' | x),  q(y | x) = N(y; x + h/2 s, h I)  (Roberts & Tweedie 1996)
/// and the right side is finite. u is step `index` of `noise`. Arrays are dense, of the engine's working type.
struct MetropolisStep {
  View x, score;                 // [N, d]
  View log_density, accepted;    // [N]
  ConstView next_x, next_score;  // [N, d]
  ConstView next_log_density;    // [N]
  double step_size = 0;
  NoiseRef noise{};
  std::int64_t index = 0;
};

/// out[n] = value[n] + constant - precision/2 |x_n|^2; out may be value. Dense, of the engine's working type.
struct GaussianTerm {
  View out;         // [N]
  ConstView value;  // [N]
  ConstView x;      // [N, d]
  double precision = 1, constant = 0;
};

/// From the output F of the caller's own network, its score and the part of its divergence along some directions:
///   score = a x + b F      divergence = [divergence +] weight sum_m v_m^T (a v_m + b c (dF/dz) v_m)
/// Dense. output, directions and jvp may have another type than the rest, which has the working type.
struct OutputScore {
  Parameterization parameterization;
  ConstView x;                // [N, d]
  ConstView sigma;            // [N]
  ConstView output;           // [N, d]
  ConstView directions, jvp;  // [M, N, d]; empty: no divergence
  double weight = 1;          // of each direction
  bool add_divergence = false;
  View score;       // [N, d], or empty
  View divergence;  // [N], or empty
};

/// The sum of an array over processes, one device each (rank_sum.h). The arrays are dense, in device memory.
class RankSumProgram {
 public:
  virtual ~RankSumProgram() = default;
  virtual std::size_t workspace_bytes() const = 0;
  virtual std::string device() const = 0;
  virtual std::string description() const = 0;
  virtual RankSum::Id make_id() const = 0;
  virtual void join(int rank, const RankSum::Id& id) = 0;
  virtual void run(Queue::Impl& queue, const float* mine, float* sum) const = 0;  ///< after join()
};

/// What new memory contains.
enum class Content { zeros, anything };

/// An engine. The memory that it allocates keeps it alive.
struct Engine::Impl : std::enable_shared_from_this<Engine::Impl> {
  Impl(Kind kind_, Floats floats_) : kind(kind_), floats(floats_) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  virtual ~Impl() = default;

  virtual std::string description() const = 0;

  /// Memory aligned to 256 bytes.
  virtual std::shared_ptr<void> allocate(std::size_t bytes, Content content) = 0;
  virtual void check_stream(CUstream_st* stream) const = 0;
  /// @throws Error naming the argument unless it is this engine's memory. Host engines cannot tell.
  virtual void check_memory(const char* /*name*/, const void* /*data*/) const {}
  virtual void copy_in(Queue::Impl& queue, void* to, const void* host, std::size_t bytes) = 0;
  virtual void copy_out(Queue::Impl& queue, void* host, const void* from, std::size_t bytes) = 0;  // waits
  virtual void synchronize(Queue::Impl& queue) = 0;

  virtual std::unique_ptr<LossProgram> make_loss(const LossSpec& spec) = 0;
  virtual std::unique_ptr<ScoreProgram> make_score(const ScoreSpec& spec) = 0;
  virtual std::unique_ptr<PerturbProgram> make_perturb(const PerturbSpec& spec) = 0;
  virtual std::unique_ptr<DirectionProgram> make_direction(const DirectionSpec& spec) = 0;
  virtual std::unique_ptr<HeadProgram> make_head(const HeadSpec& spec) = 0;
  /// Null on host engines, whose callers exchange arrays by themselves.
  virtual std::unique_ptr<RankSumProgram> make_rank_sum(int /*ranks*/, std::int64_t /*count*/) { return nullptr; }

  virtual void advance(Queue::Impl& queue, NoiseState::Position* position) = 0;
  /// Which row of x each sample of the batch is. @param rows [N] int64
  virtual void write_rows(Queue::Impl& queue, const Batch& batch, const View& rows) = 0;
  virtual std::size_t adam_scratch_bytes() const { return 0; }
  virtual void adam_step(Queue::Impl& queue, const AdamState& state, const Adam::Options& options, float* params,
                         const float* grad, double loss_scale) = 0;
  virtual void sampler_update(Queue::Impl& queue, const SamplerUpdate& update) = 0;
  virtual void metropolis(Queue::Impl& queue, const MetropolisStep& step) = 0;
  virtual void add_gaussian(Queue::Impl& queue, const GaussianTerm& term) = 0;
  virtual void output_score(Queue::Impl& queue, const OutputScore& call) = 0;
  /// Of the values of a view [N], dense, of the working type.
  virtual void estimate(Queue::Impl& queue, const ConstView& values, Estimate* estimate) = 0;

  const Kind kind;
  const Floats floats;  // element types it reads and writes
  std::string note;     // which engines best() skipped, and why
};

struct [[gnu::visibility("hidden")]] Queue::Impl {
  std::shared_ptr<Engine::Impl> engine;
  std::shared_ptr<void> owned;  // the scratch, where the queue owns it
  char* workspace = nullptr;
  std::size_t workspace_bytes = 0;
  CUstream_st* stream = nullptr;

  /// @throws Error unless this queue belongs to `wanted` and has `bytes` of scratch.
  void check(const std::shared_ptr<Engine::Impl>& wanted, std::size_t bytes) const;
};

/// New engine memory with a copy of the host's bytes; waits.
std::shared_ptr<void> upload(Engine::Impl& engine, const void* host, std::size_t bytes);

// Engines that were not built in throw Error unsupported.
std::shared_ptr<Engine::Impl> make_reference_engine();
std::shared_ptr<Engine::Impl> make_cpu_engine(int threads);
std::shared_ptr<Engine::Impl> make_cpu_engine(CpuExecutor executor);
std::shared_ptr<Engine::Impl> make_cuda_engine(int device);

}  // namespace scorematch
