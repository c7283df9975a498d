// Sums of products as measured on tensor cores (Fasi, Higham, Mikaitis and Pranesh, "Numerical behavior of NVIDIA
// tensor cores", 2021). SCOREMATCH_PTX_MMA_BLOCK products at a time are aligned to the largest exponent, truncated
// SCOREMATCH_PTX_MMA_EXTRA bits below the precision of a float, and added. The sum is truncated to a float.
#include <algorithm>
#include <cmath>

#include "ptx/instructions/matrix.h"

namespace ptx {
namespace {

constexpr int kMaxProducts = 16;  // in one mma
constexpr int kNoExponent = -100000;
constexpr int kFloatBits = 24;

struct Terms {
  double value[kMaxProducts + 1];
  int count = 0;
  int exponent = kNoExponent;  // the largest
  bool finite = true;

  template <class Exponent>
  void add(double term, Exponent exponent_of_term) {
    value[count++] = term;
    finite = finite && std::isfinite(term);
    if (term != 0) exponent = std::max(exponent, exponent_of_term());
  }
  double sum() const {
    double total = 0;
    for (int i = 0; i < count; ++i) total += value[i];
    return total;
  }
};

int exponent_of(float x) {
  int exponent;
  std::frexp(x, &exponent);
  return exponent;
}

/// Tensor cores do not normalize products: they align a product's bits by the sum of its factors' exponents.
Terms terms_of(const float* a, const float* b, int count, float c) {
  Terms terms;
  for (int i = 0; i < count; ++i)
    terms.add(static_cast<double>(a[i]) * static_cast<double>(b[i]),
              [=] { return exponent_of(a[i]) + exponent_of(b[i]) - 1; });
  terms.add(static_cast<double>(c), [=] { return exponent_of(c); });
  return terms;
}

float truncated_sum(const Terms& terms, int extra) {
  if (!terms.finite) return static_cast<float>(terms.sum());
  if (terms.exponent == kNoExponent) return 0;
  const int shift = kFloatBits + extra - terms.exponent;
  s64 sum = 0;
  for (int i = 0; i < terms.count; ++i) sum += static_cast<s64>(std::ldexp(terms.value[i], shift));
  u64 magnitude = static_cast<u64>(sum < 0 ? -sum : sum);
  int exponent = -shift;
  while (magnitude >= u64{1} << kFloatBits) {
    magnitude >>= 1;
    ++exponent;
  }
  const float result = std::ldexp(static_cast<float>(magnitude), exponent);
  return sum < 0 ? -result : result;
}

}  // namespace

float tensor_core_dot(const float* a, const float* b, int length, float c) {
  static const int extra = static_cast<int>(env("SCOREMATCH_PTX_MMA_EXTRA", 1));
  static const int block = static_cast<int>(std::clamp(env("SCOREMATCH_PTX_MMA_BLOCK", 8), 1L, long{kMaxProducts}));
  for (int at = 0; at < length; at += block)
    c = truncated_sum(terms_of(a + at, b + at, std::min(block, length - at), c), extra);
  return c;
}

}  // namespace ptx
