#include "machine.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "simd_peak.h"

namespace scorematch::bench {
namespace {

constexpr double kSeconds = 0.005;  // of a burst; shorter than a time slice
constexpr int kBursts = 4;
constexpr std::size_t kCopy = std::size_t{1} << 27;

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// The sum of the rates that `threads` threads reach at the same time.
template <class Rate>
double together(int threads, const Rate& rate) {
  std::vector<double> rates(static_cast<std::size_t>(threads));
  std::vector<std::thread> helpers;
  for (std::size_t t = 1; t < rates.size(); ++t) helpers.emplace_back([&, t] { rates[t] = rate(); });
  rates[0] = rate();
  for (std::thread& each : helpers) each.join();
  double sum = 0;
  for (const double each : rates) sum += each;
  return sum;
}

}  // namespace

double measure_peak_flops(int threads, bool bf16) {
  const auto burst = [bf16] {
    double done = 0;
    const auto begin = std::chrono::steady_clock::now();
    do done += bf16 ? multiply_and_add_bf16(100'000) : multiply_and_add(100'000);
    while (seconds_since(begin) < kSeconds);
    return done / seconds_since(begin);
  };
  // New threads may run on the same core until the system has moved them.
  double best = 0;
  for (int i = 0; i < kBursts; ++i) best = std::max(best, together(threads, burst));
  return best;
}

double measure_copy_bytes(int threads) {
  return together(threads, [] {
    std::vector<char> from(kCopy, 1), to(kCopy, 2);
    double best = 0;
    for (int i = 0; i < 5; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      std::memcpy(to.data(), from.data(), kCopy);
      best = std::max(best, 2.0 * kCopy / seconds_since(begin));
    }
    return best;
  });
}

}  // namespace scorematch::bench
