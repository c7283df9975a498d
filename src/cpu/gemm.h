// Matrix products, by oneDNN.
#pragma once

namespace scorematch::cpu {

/// Tells oneDNN to keep to the calling thread while this lives: the pool is what runs in parallel here.
class OneThreadGemm {
 public:
  OneThreadGemm();
  ~OneThreadGemm();
  OneThreadGemm(const OneThreadGemm&) = delete;
  OneThreadGemm& operator=(const OneThreadGemm&) = delete;

 private:
  int threads_before_;
};

enum class Op { plain, transposed };

/// C[m, n] = op(A)[m, k] op(B)[k, n] + beta C, row-major with leading dimensions in elements. @throws Error if oneDNN
/// refuses
void gemm(Op op_a, Op op_b, int m, int n, int k, const float* a, int lda, const float* b, int ldb, float beta, float* c,
          int ldc);

}  // namespace scorematch::cpu
