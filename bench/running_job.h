// A job with everything it needs in place. run() is what is timed, each time with other rows of x.
#pragma once
#include <memory>

#include "job.h"
#include "pool.h"

namespace scorematch::bench {

class Running {
 public:
  virtual ~Running() = default;
  /// The i-th batch. The batches rotate through more data than any cache holds.
  virtual void run(std::int64_t i) = 0;
  /// Compares the results of the first samples with those of the reference engine. @throws Error if the difference is
  /// larger than the rounding of the precision explains
  virtual void check_against_reference() = 0;
  const Job& job() const { return job_; }
  /// Bytes of all arrays except the pool of data; the library allocates nothing else.
  virtual std::int64_t bytes() const = 0;

 protected:
  explicit Running(Job job) : job_(std::move(job)) {}
  Job job_;
};

/// @param threads for the cpu engine; 0: all cores
std::unique_ptr<Running> make_running(const Job& job, int threads);

/// A loss and its gradient.
class RunningJob final : public Running {
 public:
  /// @param stream for the cuda engine; null: the default stream
  RunningJob(const Job& job, int threads, CUstream_st* stream = nullptr);

  void run(std::int64_t i) override;
  void check_against_reference() override;
  /// The engine's description of itself and of its route.
  std::string description() const { return plan_.report(job_.batch).text; }
  std::int64_t bytes() const override { return bytes_; }

 private:
  Engine engine_;
  MlpShape net_;
  LossPlan plan_;
  Queue queue_;
  NoiseState noise_;
  Pool pool_;
  Buffer<float> params_, grad_;
  Buffer<Estimate> value_;
  std::int64_t bytes_;
};

}  // namespace scorematch::bench
