// cuBLASLt as a plain loop in double, rounded once: what the engine's products should be. Operands are rounded to the
// compute type as the hardware does, so that tf32 and bf16 differ from fp32 here too.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "simt/host.h"
#include "simt/runtime/state.h"

using namespace simt::runtime;

namespace {

constexpr std::uint64_t kWorkspace = 4096;  // bytes that every algorithm requests, if it is allowed that much

struct Operation {
  cublasComputeType_t compute;
  cublasOperation_t transpose_a = CUBLAS_OP_N, transpose_b = CUBLAS_OP_N;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  cudaDataType_t bias_type = CUDA_R_32F;
  const void* bias = nullptr;
};
struct Layout {
  cudaDataType_t type;
  std::uint64_t rows, columns;
  std::int64_t stride;

  std::size_t element() const { return type == CUDA_R_16BF ? 2 : 4; }
  std::size_t bytes() const { return (static_cast<std::size_t>(stride) * (columns - 1) + rows) * element(); }
  bool operator==(const Layout& b) const {
    return type == b.type && rows == b.rows && columns == b.columns && stride == b.stride;
  }
};
struct Preference {
  std::uint64_t workspace = 0;
  std::uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_MASK;
};
/// What an algorithm was chosen for. It works for nothing else.
struct Chosen {
  std::uint64_t workspace, a_rows, a_columns, result_rows, result_columns;
  std::uint32_t transposes, types;
};

template <class Content, class Opaque>
Content content(const Opaque* opaque) {
  static_assert(sizeof(Content) <= sizeof(Opaque) && std::is_trivially_copyable_v<Content>);
  Content held;
  std::memcpy(&held, opaque->data, sizeof held);
  return held;
}
template <class Content, class Opaque>
void store(Opaque* opaque, const Content& held) {
  std::memcpy(opaque->data, &held, sizeof held);
}

Chosen chosen_for(const Operation& o, const Layout& a, const Layout& b, const Layout& d, std::uint64_t workspace) {
  return {workspace,
          a.rows,
          a.columns,
          d.rows,
          d.columns,
          static_cast<std::uint32_t>(o.transpose_a * 4 + o.transpose_b),
          static_cast<std::uint32_t>(a.type * 10000 + b.type * 100 + d.type)};
}

double rounded_to(double value, int bits) {
  int exponent = 0;
  if (value == 0 || !std::isfinite(value)) return value;
  const double mantissa = std::frexp(value, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(mantissa, bits)), exponent - bits);
}

double load(const void* p, cudaDataType_t type, std::size_t index) {
  std::uint32_t word = 0;
  if (type == CUDA_R_16BF) {
    std::uint16_t half;
    std::memcpy(&half, static_cast<const char*>(p) + 2 * index, 2);
    word = std::uint32_t{half} << 16;
  } else {
    std::memcpy(&word, static_cast<const char*>(p) + 4 * index, 4);
  }
  float value;
  std::memcpy(&value, &word, 4);
  return static_cast<double>(value);
}

void store(void* p, cudaDataType_t type, std::size_t index, double value) {
  const float single = static_cast<float>(type == CUDA_R_16BF ? rounded_to(value, 8) : value);
  std::uint32_t word;
  std::memcpy(&word, &single, 4);
  const std::uint16_t half = static_cast<std::uint16_t>(word >> 16);
  if (type == CUDA_R_16BF)
    simt::device_copy(static_cast<char*>(p) + 2 * index, &half, 2);
  else
    simt::device_copy(static_cast<char*>(p) + 4 * index, &word, 4);
}

/// d = op(a) op(b) + beta d + bias, all column-major.
struct Product {
  Operation o;
  Layout a, b, d;
  const void *a_data, *b_data;
  void* d_data;
  float alpha, beta;

  /// [outer, depth], as it is multiplied.
  std::vector<double> operand(const Layout& m, const void* data, bool depth_is_rows) const {
    std::vector<double> values;
    values.reserve(m.rows * m.columns);
    const std::uint64_t outer = depth_is_rows ? m.columns : m.rows, depth = depth_is_rows ? m.rows : m.columns;
    for (std::uint64_t i = 0; i < outer; ++i)
      for (std::uint64_t k = 0; k < depth; ++k) {
        const std::uint64_t row = depth_is_rows ? k : i, column = depth_is_rows ? i : k;
        const double value = load(data, m.type, column * static_cast<std::uint64_t>(m.stride) + row);
        values.push_back(o.compute == CUBLAS_COMPUTE_32F_FAST_TF32 ? rounded_to(value, 11) : value);
      }
    return values;
  }

  static bool is_zero(const Layout& m, const void* data) {
    const char* const bytes = static_cast<const char*>(data);
    return std::all_of(bytes, bytes + m.bytes(), [](char each) { return each == 0; });
  }

  int operator()() const {
    // Loading multiplies zeros of very many sizes.
    const bool zero = is_zero(a, a_data) && is_zero(b, b_data);
    if (zero && o.epilogue == CUBLASLT_EPILOGUE_DEFAULT) {
      if (beta == 0) simt::device_fill(d_data, 0, d.bytes());
      return cudaSuccess;
    }
    const auto depth = zero ? 0 : o.transpose_a == CUBLAS_OP_N ? a.columns : a.rows;
    const std::vector<double> left = operand(a, a_data, o.transpose_a != CUBLAS_OP_N),
                              right = operand(b, b_data, o.transpose_b == CUBLAS_OP_N);
    for (std::uint64_t j = 0; j < d.columns; ++j)
      for (std::uint64_t i = 0; i < d.rows; ++i) {
        double sum = 0;
        for (std::uint64_t k = 0; k < depth; ++k) sum += left[i * depth + k] * right[j * depth + k];
        sum *= static_cast<double>(alpha);
        const std::size_t at = j * static_cast<std::uint64_t>(d.stride) + i;
        if (beta != 0) sum += static_cast<double>(beta) * load(d_data, d.type, at);
        if (o.epilogue == CUBLASLT_EPILOGUE_BIAS) sum += load(o.bias, o.bias_type, i);
        store(d_data, d.type, at, sum);
      }
    return cudaSuccess;
  }
};

bool is_aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 256 == 0; }

}  // namespace

extern "C" {

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  if (is_chosen(__func__)) return CUBLAS_STATUS_ALLOC_FAILED;
  *handle = reinterpret_cast<cublasLtHandle_t>(new int(current_device()));
  ++state().handles;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  if (handle == nullptr) return CUBLAS_STATUS_SUCCESS;
  delete reinterpret_cast<int*>(handle);
  --state().handles;
  return CUBLAS_STATUS_SUCCESS;
}

const char* cublasLtGetStatusName(cublasStatus_t) { return "a cuBLASLt status"; }
const char* cublasLtGetStatusString(cublasStatus_t) { return "a cuBLASLt status"; }

cublasStatus_t cublasLtMatmulDescInit_internal(cublasLtMatmulDesc_t d, std::size_t size, cublasComputeType_t compute,
                                               cudaDataType_t scale) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  if (is_chosen(__func__)) return CUBLAS_STATUS_INVALID_VALUE;
  if (size != sizeof(cublasLtMatmulDescOpaque_t) || scale != CUDA_R_32F) return CUBLAS_STATUS_INVALID_VALUE;
  Operation operation;
  operation.compute = compute;
  store(d, operation);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, std::size_t bytes) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  if (is_chosen(__func__)) return CUBLAS_STATUS_INVALID_VALUE;
  Operation o = content<Operation>(d);
  const auto set = [&](auto& field) {
    if (bytes != sizeof field) return CUBLAS_STATUS_INVALID_VALUE;
    std::memcpy(&field, value, bytes);
    store(d, o);
    return CUBLAS_STATUS_SUCCESS;
  };
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return set(o.transpose_a);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return set(o.transpose_b);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return set(o.epilogue);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return set(o.bias);
    case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE:
      return set(o.bias_type);
    default:
      return CUBLAS_STATUS_NOT_SUPPORTED;
  }
}

cublasStatus_t cublasLtMatrixLayoutInit_internal(cublasLtMatrixLayout_t layout, std::size_t size, cudaDataType type,
                                                 std::uint64_t rows, std::uint64_t columns, std::int64_t stride) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  if (is_chosen(__func__)) return CUBLAS_STATUS_INVALID_VALUE;
  if (size != sizeof(cublasLtMatrixLayoutOpaque_t) || stride < static_cast<std::int64_t>(rows) || rows == 0 ||
      columns == 0)
    return CUBLAS_STATUS_INVALID_VALUE;
  store(layout, Layout{type, rows, columns, stride});
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceInit_internal(cublasLtMatmulPreference_t preference, std::size_t size) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  if (is_chosen(__func__)) return CUBLAS_STATUS_INVALID_VALUE;
  if (size != sizeof(cublasLtMatmulPreferenceOpaque_t)) return CUBLAS_STATUS_INVALID_VALUE;
  store(preference, Preference());
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, const void* value,
                                                    std::size_t bytes) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  if (is_chosen(__func__)) return CUBLAS_STATUS_INVALID_VALUE;
  Preference w = content<Preference>(preference);
  if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES && bytes == sizeof w.workspace)
    std::memcpy(&w.workspace, value, bytes);
  else if (attribute == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK && bytes == sizeof w.reductions)
    std::memcpy(&w.reductions, value, bytes);
  else
    return CUBLAS_STATUS_INVALID_VALUE;
  store(preference, w);
  return CUBLAS_STATUS_SUCCESS;
}

/// Looks only at shapes and, like the real function, fails during stream capture.
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int wanted,
                                              cublasLtMatmulHeuristicResult_t results[], int* found) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  if (is_chosen(__func__) || is_any_captured()) return CUBLAS_STATUS_INTERNAL_ERROR;
  const Preference preferred = content<Preference>(preference);
  // In-place reductions have no fixed order: the plan must have excluded them.
  if (wanted < 1 || (preferred.reductions & CUBLASLT_REDUCTION_SCHEME_INPLACE) != 0) return CUBLAS_STATUS_INVALID_VALUE;
  std::memset(&results[0], 0, sizeof results[0]);
  store(&results[0].algo, chosen_for(content<Operation>(operation), content<Layout>(a), content<Layout>(b),
                                     content<Layout>(d), preferred.workspace));
  results[0].workspaceSize = std::min(preferred.workspace, kWorkspace);
  results[0].state = CUBLAS_STATUS_SUCCESS;
  *found = 1;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout,
                              const void* beta, const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algorithm, void* workspace,
                              std::size_t workspace_bytes, cudaStream_t stream) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  if (is_chosen(__func__)) return CUBLAS_STATUS_EXECUTION_FAILED;
  if (*reinterpret_cast<int*>(handle) != current_device()) return CUBLAS_STATUS_NOT_INITIALIZED;
  Product p{content<Operation>(operation),
            content<Layout>(a_layout),
            content<Layout>(b_layout),
            content<Layout>(d_layout),
            a,
            b,
            d,
            0.0f,
            0.0f};
  std::memcpy(&p.alpha, alpha, sizeof p.alpha);
  std::memcpy(&p.beta, beta, sizeof p.beta);
  const Chosen chosen = content<Chosen>(algorithm), now = chosen_for(p.o, p.a, p.b, p.d, chosen.workspace);
  if (std::memcmp(&now, &chosen, sizeof now) != 0) return CUBLAS_STATUS_INVALID_VALUE;
  if (c != d || !(content<Layout>(c_layout) == p.d) || workspace_bytes < std::min(now.workspace, kWorkspace))
    return CUBLAS_STATUS_INVALID_VALUE;
  const std::uint64_t depth[] = {p.o.transpose_a == CUBLAS_OP_N ? p.a.columns : p.a.rows,
                                 p.o.transpose_b == CUBLAS_OP_N ? p.b.rows : p.b.columns};
  const std::uint64_t outer[] = {p.o.transpose_a == CUBLAS_OP_N ? p.a.rows : p.a.columns,
                                 p.o.transpose_b == CUBLAS_OP_N ? p.b.columns : p.b.rows};
  if (depth[0] != depth[1] || outer[0] != p.d.rows || outer[1] != p.d.columns) return CUBLAS_STATUS_INVALID_VALUE;
  const bool bias_there = p.o.epilogue != CUBLASLT_EPILOGUE_BIAS || is_device_memory(p.o.bias, 4 * p.d.rows);
  if (!is_device_memory(a, p.a.bytes()) || !is_device_memory(b, p.b.bytes()) || !is_device_memory(d, p.d.bytes()) ||
      !is_device_memory(workspace, workspace_bytes) || !bias_there)
    return CUBLAS_STATUS_INVALID_VALUE;
  if (!is_aligned(a) || !is_aligned(b) || !is_aligned(d) || !is_aligned(workspace)) return CUBLAS_STATUS_INVALID_VALUE;
  // An algorithm that has not run before would be loaded now, which may fail during capture.
  const std::pair<int, std::string> product{current_device(), {reinterpret_cast<const char*>(&chosen), sizeof chosen}};
  if (is_being_captured(stream)) {
    if (state().loaded_products.count(product) == 0) return forbidden_by_capture(), CUBLAS_STATUS_EXECUTION_FAILED;
  } else {
    state().loaded_products.insert(product);
  }
  return enqueue(stream, p) == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}
}
