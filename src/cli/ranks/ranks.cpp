#include "cli/ranks/ranks.h"

#include <algorithm>

#include "cli/options/interrupt.h"
#include "cli/options/refusal.h"

namespace scorematch::cli {
namespace {

class OneProcess final : public Ranks {
 public:
  OneProcess() : Ranks(0, 1) {}

  void together(const std::function<void()>& work) override { work(); }
  int signal() const override { return InterruptGuard::signal(); }
  void sum(float*, std::int64_t) override {}
  Estimate merged(const Estimate& mine) override { return mine; }
  std::string from_first(const std::string& text) override { return text; }
  std::vector<std::string> from_all(const std::string& text) override { return {text}; }
  EngineOptions share_of(const EngineOptions& options) override { return options; }
  void abandon(const char*) override {}
};

}  // namespace

BatchPart part_of(std::int64_t batch, int rank, int size) {
  const std::int64_t each = batch / size, left = batch % size;
  return {rank * each + std::min<std::int64_t>(rank, left), each + (rank < left ? 1 : 0)};
}

void Ranks::on_first(const std::function<void()>& work) {
  together([&] {
    if (is_first()) work();
  });
}

bool Ranks::ask_first(const std::function<bool()>& ask) {
  bool answer = false;
  on_first([&] { answer = ask(); });
  return from_first(answer ? "yes" : "") == "yes";
}

void Ranks::check_same(const std::string& name, const std::string& mine) {
  const std::string first = from_first(mine);
  together([&] {
    if (mine != first) refuse(name, first + ", like the first rank's", mine);
  });
}

std::unique_ptr<Ranks> one_process() { return std::make_unique<OneProcess>(); }

std::unique_ptr<Ranks> join_ranks() {
  const Launch launch = launch_of_environment();
  if (launch.size == 1) return one_process();
  return join_mpi(launch);
}

}  // namespace scorematch::cli
