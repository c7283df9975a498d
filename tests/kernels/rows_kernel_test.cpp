// rows.cu against the noise that every engine draws rows from.
#include "kernels/random_perturbation.h"

namespace scorematch {
namespace kernels {
namespace {

void run(std::uint64_t seed) {
  RandomCase random(seed);
  const RandomNoise noise(random);
  RowsParams p;
  p.batch = random.integer(1, 700);
  p.noise = noise.get();
  p.data.row_count = random.pick({1, 2, 300, 100'000});
  const int kind = random.integer(0, 2);
  std::vector<std::int64_t> given;
  for (std::int64_t n = 0; n < p.batch; ++n) given.push_back(random.integer(0, static_cast<int>(p.data.row_count) - 1));
  const DeviceArray<std::int64_t> rows(given), out(given.size());
  if (kind == 1) p.data.rows = rows.data();
  p.data.drawn = kind == 2;
  p.out = out.data();
  ASSERT_EQ(launch_rows(p, nullptr), 0);
  const std::vector<std::int64_t> got = out.read();
  for (std::int64_t n = 0; n < p.batch; ++n) {
    std::int64_t want = kind == 0 ? n : given[static_cast<std::size_t>(n)];
    if (kind == 2) {
      const reference::SampleNoise drawn = noise.of(n);
      want = static_cast<std::int64_t>(
          philox::index(drawn.block(philox::Purpose::row, 0), static_cast<std::uint64_t>(p.data.row_count)));
    }
    ASSERT_EQ(got[static_cast<std::size_t>(n)], want) << n;
  }
}

TEST(RowsKernel, WritesWhichRowEachSampleIs) { for_each_seed(60, run); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
