// A job with everything it needs in place. run() is what is timed, each time with other rows of x.
#pragma once
#include "job.h"
#include "pool.h"

namespace scorematch::bench {

class RunningJob {
 public:
  /// @param threads for the cpu engine; 0: all cores @param stream for the cuda engine; null: the default stream
  RunningJob(const Job& job, int threads, CUstream_st* stream = nullptr);

  /// Loss and gradient of the i-th batch. The batches rotate through more data than any cache holds.
  void run(std::int64_t i);

  /// Compares loss and gradient of the first samples with those of the reference engine. @throws Error if the
  /// difference is larger than the rounding of the precision explains
  void check_against_reference();

  const Job& job() const { return job_; }
  /// The engine's description of itself and of its route.
  std::string description() const { return plan_.report(job_.batch).text; }
  /// Bytes of all arrays except the pool of data; the library allocates nothing else.
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
