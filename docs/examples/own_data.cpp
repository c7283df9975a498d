// Two ways to pass your data: all of it in engine memory, here as some columns of a wider table, with the rows of a
// batch selected by index; or every batch copied into a buffer. The same rows give bit-identical losses.
#include <cmath>
#include <cstdio>
#include <vector>

#include "scorematch/loss.h"

namespace sm = scorematch;

namespace {

constexpr std::int64_t kRows = 1000, kBatch = 100;
constexpr int kDim = 6, kColumns = 8;  // two columns of the table are not data

std::vector<float> make_table() {
  std::vector<float> table;
  for (std::int64_t i = 0; i < kRows * kColumns; ++i) table.push_back(std::sin(1.7f * static_cast<float>(i)));
  return table;
}

/// Every row once, in the caller's order.
std::vector<std::int64_t> make_epoch() {
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < kRows; ++i) order.push_back(i * 377 % kRows);
  return order;
}

}  // namespace

int main() {
  const sm::Engine engine = sm::Engine::best();
  const sm::MlpShape net = sm::MlpShape::score(kDim, {32, 32});
  sm::LossPlan plan(engine, net, {sm::Dsm{}, sm::schedule::Single{0.5}}, kBatch);
  sm::Queue queue(engine, plan.workspace_bytes());
  auto params = engine.upload(net.initial_params(/*seed=*/1));
  sm::NoiseState noise(engine, /*seed=*/2);

  const std::vector<float> table = make_table();
  const std::vector<std::int64_t> epoch = make_epoch();
  auto resident = engine.upload(table, {kRows, kColumns});
  const sm::ConstView data = sm::ConstView(resident.data(), {kRows, kDim}).with_row_stride(kColumns);
  auto order = engine.upload(epoch);
  auto batch = engine.allocate<float>({kBatch, kDim});
  auto by_index = engine.allocate<float>(kBatch), by_copy = engine.allocate<float>(kBatch);

  bool same = true;
  for (std::int64_t first = 0; first < kRows; first += kBatch) {
    sm::Batch gathered{data, noise};
    gathered.rows = order.samples(first, kBatch);
    plan.run(queue, {params, gathered}, {nullptr, {}, {}, by_index});

    std::vector<float> host;  // or from a loader
    for (std::int64_t n = first; n < first + kBatch; ++n) {
      const auto row = table.begin() + epoch[static_cast<std::size_t>(n)] * kColumns;
      host.insert(host.end(), row, row + kDim);
    }
    queue.write(batch, host.data());
    plan.run(queue, {params, {batch, noise}}, {nullptr, {}, {}, by_copy});

    same = same && queue.read(by_index) == queue.read(by_copy);
    noise.advance(queue);
  }
  std::printf("losses by index and by copy: %s\n", same ? "the same" : "DIFFERENT");
  return same ? 0 : 1;
}
