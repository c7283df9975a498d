#include "cpu/gemm.h"

#include <dnnl.h>

#include <string>

#include "scorematch/error.h"

// oneDNN as distributions build it parallelises by OpenMP, whose thread count belongs to the calling thread. The
// functions come with oneDNN; where it was built without OpenMP they are absent, and nothing needs saying.
extern "C" {
[[gnu::weak]] void omp_set_num_threads(int threads);
[[gnu::weak]] int omp_get_max_threads();
}

namespace scorematch::cpu {

OneThreadGemm::OneThreadGemm() : threads_before_(omp_get_max_threads != nullptr ? omp_get_max_threads() : 1) {
  if (omp_set_num_threads != nullptr) omp_set_num_threads(1);
}

OneThreadGemm::~OneThreadGemm() {
  if (omp_set_num_threads != nullptr) omp_set_num_threads(threads_before_);
}

void gemm(Op op_a, Op op_b, int m, int n, int k, const float* a, int lda, const float* b, int ldb, float beta, float* c,
          int ldc) {
  const dnnl_status_t status = dnnl_sgemm(op_a == Op::plain ? 'N' : 'T', op_b == Op::plain ? 'N' : 'T', m, n, k, 1.0f,
                                          a, lda, b, ldb, beta, c, ldc);
  if (status != dnnl_success)
    throw Error(status == dnnl_out_of_memory ? ErrorCode::out_of_memory : ErrorCode::unsupported, "gemm",
                "gemm: expected success from oneDNN, got status " + std::to_string(status));
}

}  // namespace scorematch::cpu
