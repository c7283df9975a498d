// The heuristic and the product: what the library's manual requires of types, shapes, alignments and memory.
#include "ptx/cublaslt/matmul.h"

#include <cstdlib>
#include <set>
#include <utility>

#include "ptx/runtime/exported.h"

namespace ptx::cublaslt {
namespace {

/// The part that this project uses of the table of cublasLtMatmul() in the manual of cuBLAS. Empty: supported.
std::string unsupported(const Operation& operation, const Layout& a, const Layout& b, const Layout& c,
                        const Layout& d) {
  const bool bf16 = a.type == CUDA_R_16BF;
  if (a.type != b.type) return "A and B of different types";
  if (c.type != d.type) return "C and D of different types";
  if (bf16 && operation.compute != CUBLAS_COMPUTE_32F && operation.compute != CUBLAS_COMPUTE_32F_PEDANTIC)
    return "bf16 with another compute type";
  if (!bf16 && d.type != CUDA_R_32F) return "D narrower than A";
  // For bf16 operands the library also accepts a float bias, which its manual does not mention.
  const bool strict = !bf16 || std::getenv("SCOREMATCH_PTX_LT_STRICT_BIAS") != nullptr;
  if (operation.epilogue == CUBLASLT_EPILOGUE_BIAS && operation.bias_type != d.type && strict)
    return "a bias type that differs from the type of D";
  return "";
}

std::pair<std::uint64_t, std::uint64_t> shape_of(const Layout& layout, cublasOperation_t operation) {
  if (operation == CUBLAS_OP_N) return {layout.rows, layout.columns};
  return {layout.columns, layout.rows};
}

bool fit(const Product& p) {
  const auto a = shape_of(p.a, p.operation.a), b = shape_of(p.b, p.operation.b);
  return a.second == b.first && a.first == p.d.rows && b.second == p.d.columns;
}

bool is_aligned(const void* data, std::size_t bytes) { return reinterpret_cast<std::uintptr_t>(data) % bytes == 0; }

struct Workspace {
  void* data;
  std::size_t bytes;
};

/// Empty: the product is valid.
std::string misuse(const Product& p, const void* c_data, const Algorithm& algorithm, const Workspace& workspace) {
  if (!fit(p)) return "shapes that do not fit";
  const void* const operands[] = {p.a_data, p.b_data, c_data, p.d_data};
  for (int i = 0; i < 4; ++i)
    if (!is_aligned(operands[i], algorithm.alignment[i]))
      return std::string("operand ") + "ABCD"[i] + " is not aligned to the " + std::to_string(algorithm.alignment[i]) +
             " bytes of its preference";
  if (workspace.bytes < algorithm.workspace_bytes) return "a workspace smaller than the algorithm was chosen for";
  if (workspace.data != nullptr && !is_aligned(workspace.data, 256)) return "a workspace not aligned to 256 bytes";
  if (workspace.data != nullptr && emulator_memory(workspace.data, workspace.bytes) == nullptr)
    return "a workspace that is not device memory";
  const std::pair<const void*, std::size_t> memory[] = {
      {p.a_data, p.a.bytes()}, {p.b_data, p.b.bytes()}, {p.d_data, p.d.bytes()}};
  for (const auto& [data, bytes] : memory)
    if (emulator_memory(data, bytes) == nullptr) return "an operand that is not device memory";
  if (p.operation.epilogue == CUBLASLT_EPILOGUE_BIAS && emulator_memory(p.operation.bias, 4 * p.d.rows) == nullptr)
    return "a bias that is not device memory";
  return "";
}

void say_once(const std::string& text) {
  static std::set<std::string> said;
  if (said.insert(text).second) say(text);
}

void report_bias_alignment(const Product& p) {
  if (p.operation.epilogue != CUBLASLT_EPILOGUE_BIAS || is_aligned(p.operation.bias, 16)) return;
  const auto address = reinterpret_cast<std::uintptr_t>(p.operation.bias);
  say_once("a bias aligned to only " + std::to_string(address & (0 - address)) + " bytes");
}

const char* type_name(const Layout& layout) { return layout.type == CUDA_R_16BF ? "bf16" : "f32"; }

/// SCOREMATCH_PTX_LT_TRACE: prints each kind of product once.
void trace(const Product& p) {
  if (std::getenv("SCOREMATCH_PTX_LT_TRACE") == nullptr) return;
  const std::int64_t vector = p.a.type == CUDA_R_16BF ? 8 : 4;  // elements of 16 bytes
  const bool narrow = p.a.ld % vector != 0 || p.b.ld % vector != 0 || p.d.ld % 4 != 0;
  say_once(std::string(type_name(p.a)) + (p.operation.compute == CUBLAS_COMPUTE_32F_FAST_TF32 ? " (tf32)" : "") +
           " -> " + type_name(p.d) + " op " + std::to_string(p.operation.a) + std::to_string(p.operation.b) +
           " epilogue " + std::to_string(p.operation.epilogue) + " beta " + std::to_string(p.beta) +
           (narrow ? ", a leading dimension that is not a multiple of 16 bytes" : ""));
}

}  // namespace
}  // namespace ptx::cublaslt

using namespace ptx::cublaslt;

extern "C" {

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int wanted,
                                              cublasLtMatmulHeuristicResult_t results[], int* found) {
  const std::string why =
      unsupported(get<Operation>(operation), get<Layout>(a), get<Layout>(b), get<Layout>(c), get<Layout>(d));
  if (!why.empty()) {
    say("not supported: " + why);
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  if (wanted < 1) return CUBLAS_STATUS_INVALID_VALUE;
  const auto preferred = get<Preference>(preference);
  Algorithm algorithm{preferred.workspace_bytes, {}};
  std::memcpy(algorithm.alignment, preferred.alignment, sizeof algorithm.alignment);
  std::memset(results, 0, sizeof *results);
  put(&results[0].algo, algorithm);
  results[0].workspaceSize = preferred.workspace_bytes;
  results[0].state = CUBLAS_STATUS_SUCCESS;
  *found = 1;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t operation, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout,
                              const void* beta, const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algorithm, void* workspace,
                              std::size_t workspace_bytes, cudaStream_t stream) {
  Product product{
      get<Operation>(operation), get<Layout>(a_layout), get<Layout>(b_layout), get<Layout>(d_layout), a, b, d, 0, 0};
  std::memcpy(&product.alpha, alpha, sizeof product.alpha);
  std::memcpy(&product.beta, beta, sizeof product.beta);
  std::string why = unsupported(product.operation, product.a, product.b, get<Layout>(c_layout), product.d);
  if (why.empty()) why = misuse(product, c, get<Algorithm>(algorithm), {workspace, workspace_bytes});
  if (!why.empty()) {
    say(why);
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  report_bias_alignment(product);
  trace(product);
  const int error = emulator_enqueue(
      stream, [](void* what) { static_cast<Product*>(what)->compute(); }, new Product(product),
      [](void* what) { delete static_cast<Product*>(what); });
  return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}
}
