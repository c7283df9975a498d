// The sum of an array over processes: NCCL moves the parts, and a kernel of ours adds them in the order of the ranks.
#include "cuda/programs.h"
#include "cuda/runtime/nccl.h"
#include "cuda/runtime/status.h"
#include "launchers.h"

namespace scorematch::cuda {
namespace {

class CudaRankSum final : public RankSumProgram {
 public:
  CudaRankSum(int ranks, std::int64_t count, const Context& context)
      : engine_(context.engine.shared_from_this()), device_(context.device), ranks_(ranks), count_(count) {
    const UseDevice use(device_);
    check_launch(kernels::launch_rank_sum(nullptr, 0, 0, nullptr, kernels::only_load()), "loading kernels");
  }
  ~CudaRankSum() override {
    if (communicator_ == nullptr || !device_.is_of_this_process()) return;
    is_broken_ ? nccl_->abort(communicator_) : nccl_->leave(communicator_);
  }

  std::size_t workspace_bytes() const override {
    const std::int64_t largest_part = (count_ + ranks_ - 1) / ranks_;
    return static_cast<std::size_t>(largest_part * ranks_) * sizeof(float);
  }
  std::string device() const override { return device_.uuid; }
  std::string description() const override { return "NCCL " + nccl_.version(); }

  RankSum::Id make_id() const override {
    const UseDevice use(device_);
    Nccl::UniqueId id{};
    nccl_.check(nccl_->make_id(&id), "starting NCCL");
    return id.bytes;
  }

  void join(int rank, const RankSum::Id& id) override {
    const UseDevice use(device_);
    const Nccl::Status status = nccl_->join(&communicator_, ranks_, {id}, rank);
    is_broken_ = status != Nccl::kSuccess;
    nccl_.check(status, "joining the ranks by NCCL");
    rank_ = rank;
  }

  void run(Queue::Impl& queue, const float* mine, float* sum) const override {
    const UseDevice use(device_);
    Nccl::Status earlier = Nccl::kSuccess;
    check_done(nccl_->late_error(communicator_, &earlier));
    check_done(earlier);
    auto* const parts = reinterpret_cast<float*>(queue.workspace);  // [ranks, part]
    const std::int64_t first = begin_of(rank_), part = begin_of(rank_ + 1) - first;
    exchange([&](int other, Nccl::Status& status) {
      send(status, mine + begin_of(other), begin_of(other + 1) - begin_of(other), other, queue.stream);
      receive(status, parts + other * part, part, other, queue.stream);
    });
    if (part > 0) check_launch(kernels::launch_rank_sum(parts, ranks_, part, sum + first, queue.stream), "rank_sum");
    exchange([&](int other, Nccl::Status& status) {
      if (other == rank_) return;
      send(status, sum + first, part, other, queue.stream);
      receive(status, sum + begin_of(other), begin_of(other + 1) - begin_of(other), other, queue.stream);
    });
  }

 private:
  std::int64_t begin_of(int rank) const { return count_ * rank / ranks_; }

  /// Calls each(rank, status) for all ranks as one group: what they send and receive goes on at the same time. A group
  /// that has begun must end, also after a failure.
  template <class Each>
  void exchange(const Each& each) const {
    check_done(nccl_->begin_group());
    Nccl::Status status = Nccl::kSuccess;
    for (int other = 0; other < ranks_; ++other) each(other, status);
    const Nccl::Status end = nccl_->end_group();
    check_done(status != Nccl::kSuccess ? status : end);
  }
  void send(Nccl::Status& status, const float* from, std::int64_t count, int to, cudaStream_t stream) const {
    if (status != Nccl::kSuccess || count == 0) return;
    status = nccl_->send(from, static_cast<std::size_t>(count), Nccl::kFloat, to, communicator_, stream);
  }
  void receive(Nccl::Status& status, float* to, std::int64_t count, int from, cudaStream_t stream) const {
    if (status != Nccl::kSuccess || count == 0) return;
    status = nccl_->receive(to, static_cast<std::size_t>(count), Nccl::kFloat, from, communicator_, stream);
  }
  void check_done(Nccl::Status status) const {
    if (status == Nccl::kSuccess) return;
    is_broken_ = true;  // the other ranks may wait for this one
    nccl_.check(status, "adding over the ranks by NCCL");
  }

  std::shared_ptr<Engine::Impl> engine_;
  const Device& device_;
  Nccl nccl_;
  Nccl::Communicator communicator_ = nullptr;
  int ranks_, rank_ = 0;
  std::int64_t count_;
  mutable bool is_broken_ = false;
};

}  // namespace

std::unique_ptr<RankSumProgram> make_rank_sum(int ranks, std::int64_t count, const Context& context) {
  return std::make_unique<CudaRankSum>(ranks, count, context);
}

}  // namespace scorematch::cuda
