// A job with everything it needs in place. What is timed is run(), repeatedly, on other rows of x.
#pragma once
#include "job.h"
#include "pool.h"

namespace scorematch::bench {

class RunningJob {
 public:
  /// @param threads of the cpu engine; 0: all cores @param stream of the cuda engine's calls; null: the default one
  RunningJob(const Job& job, int threads, CUstream_st* stream = nullptr);

  /// Loss and gradient of the i-th batch, which is elsewhere in more data than any cache holds.
  void run(std::int64_t i);

  /// Compares the first samples' loss and gradient with the reference engine's.
  /// @throws Error if they differ by more than the rounding of the precision explains
  void check_against_reference();

  const Job& job() const { return job_; }
  /// How the engine describes itself and its route.
  std::string description() const { return plan_.report(job_.batch).text; }
  /// The bytes of all arrays except the pool of data: the library allocates nothing else.
  std::int64_t bytes() const { return bytes_; }

 private:
  Job job_;
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
