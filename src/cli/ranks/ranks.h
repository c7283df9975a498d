/// @file
/// The processes of a training run: one, or the ranks that mpirun has started. Everything that they exchange is here.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/options/commands.h"
#include "cli/ranks/launch.h"
#include "scorematch/engine.h"
#include "scorematch/estimate.h"

namespace scorematch::cli {

/// The samples of a batch that belong to a rank. The last ranks have none if there are more ranks than samples.
struct BatchPart {
  std::int64_t begin = 0, count = 0;
};
BatchPart part_of(std::int64_t batch, int rank, int size);

/// If one rank calls a member, every rank must call it, in the same order, except for those that are const. `work` must
/// not call members.
class Ranks {
 public:
  virtual ~Ranks() = default;
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  /// The one that evaluates, prints and writes files.
  bool is_first() const { return rank_ == 0; }

  /// Runs `work` on every rank, and waits for all. If it throws on some ranks, the first rank throws what the lowest of
  /// them threw, as an Error that names the rank if it is another one. The other ranks throw CLI::RuntimeError(0), as
  /// mpirun would end the first rank before it says what is wrong if another one exits with more than 0. Only
  /// `cancelled` is thrown by all.
  virtual void together(const std::function<void()>& work) = 0;
  /// SIGINT or SIGTERM of any rank, the same on all: as of the last together(), or as of now if there is one process.
  virtual int signal() const = 0;
  /// values = the sum over the ranks: added in double in the order of the ranks and rounded once, so it is
  /// bit-identical on every rank and in every run with as many ranks.
  virtual void sum(float* values, std::int64_t count) = 0;
  /// All samples of the ranks' estimates, merged in the order of the ranks; bit-identical on all.
  virtual Estimate merged(const Estimate& mine) = 0;
  /// The first rank's text.
  virtual std::string from_first(const std::string& text) = 0;
  /// The texts of all, in the order of the ranks.
  virtual std::vector<std::string> from_all(const std::string& text) = 0;
  /// The options with a share of the node: --threads 0 becomes the processors that are left to this rank, and the
  /// device its number on the node, modulo the devices that there are.
  virtual EngineOptions share_of(const EngineOptions& options) = 0;
  /// Ends all ranks at once, with this rank's message, unless together() has thrown and so all know.
  virtual void abandon(const char* message) = 0;

  /// Runs `work` on the first rank, and waits for it.
  void on_first(const std::function<void()>& work);
  /// What `ask` returns on the first rank.
  bool ask_first(const std::function<bool()>& ask);
  /// @throws Error naming `name` and both values unless they are the first rank's on every rank
  void check_same(const std::string& name, const std::string& mine);

 protected:
  Ranks(int rank, int size) : rank_(rank), size_(size) {}

 private:
  int rank_, size_;
};

/// The process alone, whatever a launcher says.
std::unique_ptr<Ranks> one_process();
/// The process alone, or, if a launcher has started several, all of them by MPI. Once per process.
/// @throws Error unsupported, naming the launcher's variable, if the command was built without MPI, or with another MPI
std::unique_ptr<Ranks> join_ranks();
std::unique_ptr<Ranks> join_mpi(const Launch& launch);  // mpi_ranks.cpp, or absent_mpi.cpp in builds without MPI
/// The name and version of the MPI; empty in builds without it.
std::string mpi_version();

}  // namespace scorematch::cli
