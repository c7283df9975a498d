// Matrix products of integers. While sum |a||b| and the addend stay below 2^24, and bfloat16 values below 256, nothing
// is rounded, whatever the order of a sum and the precision of its parts. So cuBLASLt, called as the engine calls it,
// must match a plain loop exactly.
#include <cstring>

#include "cuda/cuda_fixture.h"
#include "cuda/layered/gemm.h"
#include "support/random_problem.h"

namespace scorematch::testing_support {
namespace {

using cuda::Gemm;
using cuda::Gemms;

constexpr int kShapes = 200;  // per kind and precision
constexpr int kCapability = 90;

/// Integers in the device type, float or bfloat16, which is the upper half of a float.
class Array : public RawMemory {
 public:
  Array(std::size_t count, bool bf16) : RawMemory(count * (bf16 ? 2 : 4)), bf16_(bf16) {}
  Array(const std::vector<int>& values, bool bf16) : Array(values.size(), bf16) { write(values); }

  void write(const std::vector<int>& values) {
    std::vector<char> words;
    for (const int each : values) {
      const auto value = static_cast<float>(each);
      char word[4];
      std::memcpy(word, &value, 4);
      words.insert(words.end(), word + (bf16_ ? 2 : 0), word + 4);
    }
    copy(data(), words.data(), words.size(), cudaMemcpyHostToDevice);
  }
  std::vector<float> read() const {
    std::vector<char> words(bytes());
    copy(words.data(), data(), words.size(), cudaMemcpyDeviceToHost);
    const std::size_t size = bf16_ ? 2 : 4;
    std::vector<float> values(words.size() / size);
    for (std::size_t i = 0; i < values.size(); ++i) {
      char word[4] = {};
      std::memcpy(word + 4 - size, &words[size * i], size);
      std::memcpy(&values[i], word, 4);
    }
    return values;
  }

 private:
  static void copy(void* to, const void* from, std::size_t count, cudaMemcpyKind kind) {
    EXPECT_EQ(cudaMemcpyAsync(to, from, count, kind, nullptr), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(nullptr), cudaSuccess);
  }
  bool bf16_;
};

class CudaGemm : public CudaTest {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    if (IsSkipped()) return;
    engine_ = std::make_unique<Engine>(Engine::cuda());
    device_ = cuda::open_device(0);
    cublas_ = std::make_unique<cuda::CublasLt>(device_);
  }
  void TearDown() override {
    engine_.reset();
    cublas_.reset();
  }

  std::vector<int> integers(std::int64_t count, int most) {
    std::vector<int> values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(draw_.integer(-most, most));
    return values;
  }

  Gemm draw_gemm(Gemm::Kind kind) {
    const int edges[] = {1, 2, 7, 8, 9, 31, 33, 63, 64, 65, 127, 128, 129, 255, 257, 1000, 1024};
    Gemm g;
    g.kind = kind;
    do {
      g.rows = draw_.integer(0, 1) == 0 ? edges[draw_.integer(0, 16)] : draw_.integer(1, 300);
      g.in = 8 * draw_.integer(1, draw_.integer(0, 2) == 0 ? 33 : 9);
      g.out = 8 * draw_.integer(1, draw_.integer(0, 2) == 0 ? 33 : 9);
    } while (g.rows * g.in * g.out > amount(1 << 16, 1 << 22));
    g.add = kind == Gemm::Kind::weight_gradient || draw_.integer(0, 1) == 0;
    g.bias = kind == Gemm::Kind::forward && draw_.integer(0, 1) == 0;
    g.float_output = g.bias || draw_.integer(0, 1) == 0;  // the engine only adds a bias to floats
    return g;
  }

  void expect_exact(const Gemm& g, Precision precision, const RawMemory& workspace) {
    const bool bf16 = precision == Precision::bf16, gradient = g.kind == Gemm::Kind::weight_gradient,
               apply = g.kind == Gemm::Kind::forward, bf16_output = bf16 && !g.float_output && !gradient;
    // c [m, n] = a b; elements (i, k) and (k, j) are at a_row i + a_depth k and b_depth k + b_column j.
    const auto rows = static_cast<int>(g.rows);
    const int m = gradient ? g.out : rows, n = apply ? g.out : g.in, depth = gradient ? rows : apply ? g.in : g.out;
    const int a_row = gradient ? 1 : depth, a_depth = gradient ? g.out : 1, b_depth = apply ? 1 : g.in,
              b_column = apply ? g.in : 1;

    // The largest integer that the operand type holds exactly. For float the bound of the sum is the only limit.
    const int held = bf16_output                    ? (depth > 128 ? 1 : 2)
                     : bf16                         ? 1 << 8
                     : precision == Precision::tf32 ? 1 << 11
                                                    : 1 << 23;
    int a_most = 1;
    while (2 * a_most <= std::min(held, (1 << 23) / depth) && draw_.integer(0, 15) != 0) a_most *= 2;
    int b_most = std::min(held, (1 << 23) / depth / a_most);
    if (draw_.integer(0, 1) == 0) std::swap(a_most, b_most);
    const int added = bf16_output ? 64 : (1 << 22) - 1;
    const std::vector<int> a = integers(m * depth, a_most), b = integers(depth * n, b_most), c = integers(m * n, added),
                           bias = integers(n, added);

    const Array a_there(a, bf16), b_there(b, bf16), bias_there(bias, false);
    Array c_there(c.size(), bf16_output);
    if (g.add) c_there.write(c);
    Gemms gemms(*cublas_, precision, kCapability);
    gemms.prepare(g);
    gemms.run(g, {a_there.data(), b_there.data(), c_there.data(), static_cast<const float*>(bias_there.data())},
              workspace.data(), nullptr);
    const std::vector<float> got = c_there.read();
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < n; ++j) {
        const auto at = static_cast<std::size_t>(i * n + j);
        int sum = (g.add ? c[at] : 0) + (g.bias ? bias[static_cast<std::size_t>(j)] : 0);
        for (int k = 0; k < depth; ++k)
          sum += a[static_cast<std::size_t>(a_row * i + a_depth * k)] *
                 b[static_cast<std::size_t>(b_depth * k + b_column * j)];
        ASSERT_LE(std::abs(sum), bf16_output ? 256 : 1 << 24);
        ASSERT_EQ(got[at], static_cast<float>(sum)) << "row " << i << " column " << j;
      }
  }

  void sweep(Precision precision) {
    const RawMemory workspace(Gemms(*cublas_, precision, kCapability).workspace_bytes());
    for (const Gemm::Kind kind : {Gemm::Kind::forward, Gemm::Kind::input_gradient, Gemm::Kind::weight_gradient})
      for (int k = 0; k < kShapes && !HasFailure(); ++k) {
        const Gemm g = draw_gemm(kind);
        SCOPED_TRACE("kind " + std::to_string(static_cast<int>(kind)) + " rows " + std::to_string(g.rows) + " in " +
                     std::to_string(g.in) + " out " + std::to_string(g.out) + (g.add ? " add" : "") +
                     (g.bias ? " bias" : "") + (g.float_output ? " float" : ""));
        expect_exact(g, precision, workspace);
      }
  }

 private:
  std::unique_ptr<Engine> engine_;  // selects the device
  cuda::Device device_;
  std::unique_ptr<cuda::CublasLt> cublas_;
  ProblemMaker draw_{1};
};

TEST_F(CudaGemm, OfIntegersAreExactInFloat) { sweep(Precision::fp32); }
TEST_F(CudaGemm, OfIntegersAreExactInTf32) { sweep(Precision::tf32); }
TEST_F(CudaGemm, OfIntegersAreExactInBfloat16) { sweep(Precision::bf16); }

}  // namespace
}  // namespace scorematch::testing_support
