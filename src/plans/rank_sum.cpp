#include "scorematch/rank_sum.h"

#include "checks/argument.h"
#include "checks/descriptions.h"
#include "engine/backend.h"
#include "plans/call_checker.h"
#include "scorematch/error.h"

namespace scorematch {

struct RankSum::Impl {
  Engine engine;
  int ranks;
  std::int64_t count;
  std::unique_ptr<RankSumProgram> program;
  bool has_joined = false;
};

RankSum::RankSum(const Engine& engine, int ranks, std::int64_t count) {
  if (ranks < 1) throw_invalid("ranks", "at least 1", std::to_string(ranks));
  check_param_count("count", count);
  std::unique_ptr<RankSumProgram> program = engine.impl()->make_rank_sum(ranks, count);
  if (program == nullptr)
    throw Error(ErrorCode::unsupported, "engine",
                "engine: expected a cuda engine, got " + engine.description() +
                    "; processes that compute on the host can add their arrays themselves");
  impl_.reset(new Impl{engine, ranks, count, std::move(program)});
}

std::string RankSum::device() const { return impl_->program->device(); }
std::string RankSum::description() const { return impl_->program->description(); }
std::size_t RankSum::workspace_bytes() const { return impl_->program->workspace_bytes(); }
RankSum::Id RankSum::make_id() const { return impl_->program->make_id(); }

void RankSum::join(int rank, const Id& id) {
  if (rank < 0 || rank >= impl_->ranks)
    throw_invalid("rank", "0 to " + std::to_string(impl_->ranks - 1), std::to_string(rank));
  if (impl_->has_joined) throw_invalid("rank_sum", "one call of join()", "another one");
  impl_->program->join(rank, id);
  impl_->has_joined = true;
}

void RankSum::run(Queue& queue, ConstView mine, View sum) const {
  queue.impl().check(impl_->engine.impl(), workspace_bytes());
  if (!impl_->has_joined) throw_invalid("rank_sum", "one that has joined the other ranks", "a call before join()");
  CallChecker call(*impl_->engine.impl()), in_place(*impl_->engine.impl());
  (mine.data == sum.data ? in_place : call).required("mine", mine, {impl_->count});
  if (sum.empty()) throw_invalid("sum", "[" + std::to_string(impl_->count) + "] float32", "nothing");
  call.output("sum", sum, {impl_->count});
  call.workspace(queue.impl().workspace, workspace_bytes());
  call.check_disjoint();
  impl_->program->run(queue.impl(), static_cast<const float*>(mine.data), static_cast<float*>(sum.data));
}

}  // namespace scorematch
