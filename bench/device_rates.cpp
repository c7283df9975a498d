#include "device_rates.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "cuda/layered/gemm.h"
#include "device_sizes.h"
#include "device_timer.h"

namespace scorematch::bench {
namespace {

/// Normal random numbers, or pairs of their upper halves, which are bfloat16.
std::vector<std::uint32_t> random_words(std::size_t count, bool pairs) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  const auto bits = [&] {
    const float value = normal(random);
    std::uint32_t word = 0;
    std::memcpy(&word, &value, sizeof word);
    return word;
  };
  std::vector<std::uint32_t> words(count);
  for (std::uint32_t& word : words) word = pairs ? (bits() & 0xFFFF0000u) | bits() >> 16 : bits();
  return words;
}

/// `bytes` of device memory, filled with repetitions of the same random numbers.
std::shared_ptr<void> random_memory(std::size_t bytes, bool pairs) {
  void* data = nullptr;
  check(cudaMalloc(&data, bytes));
  const std::shared_ptr<void> memory(data, cudaFree);
  const std::vector<std::uint32_t> words = random_words(1 << 18, pairs);
  const std::size_t period = words.size() * sizeof words[0];
  for (std::size_t at = 0; at < bytes; at += period)
    check(
        cudaMemcpy(static_cast<char*>(data) + at, words.data(), std::min(period, bytes - at), cudaMemcpyHostToDevice));
  return memory;
}

}  // namespace

double measure_device_copy(std::int64_t bytes) {
  const std::size_t size = static_cast<std::size_t>(bytes);
  const std::shared_ptr<void> from = random_memory(size, false), to = random_memory(size, false);
  const double seconds =
      Timer().median([&](int) { check(cudaMemcpyAsync(to.get(), from.get(), size, cudaMemcpyDeviceToDevice)); });
  return 2.0 * static_cast<double>(bytes) / seconds;
}

double measure_device_products(Precision precision) {
  const cuda::Device device = cuda::open_device(0);
  const cuda::CublasLt cublas(device);
  cuda::Gemms gemms(cublas, precision, device.capability);
  cuda::Gemm gemm;
  const int width = device_sizes.product_width;
  gemm.rows = gemm.in = gemm.out = width;
  gemms.prepare(gemm);

  const bool pairs = precision == Precision::bf16;
  const std::size_t bytes = (pairs ? 2 : 4) * static_cast<std::size_t>(width) * static_cast<std::size_t>(width);
  const std::shared_ptr<void> a = random_memory(bytes, pairs), b = random_memory(bytes, pairs),
                              c = random_memory(bytes, pairs),
                              workspace = random_memory(gemms.workspace_bytes(), pairs);
  const cuda::GemmArrays arrays{a.get(), b.get(), c.get(), nullptr};
  const double seconds = Timer().median([&](int) { gemms.run(gemm, arrays, workspace.get(), nullptr); });
  return device_sizes.product_flops() / seconds;
}

}  // namespace scorematch::bench
