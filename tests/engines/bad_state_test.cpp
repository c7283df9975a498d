// NoiseState, Queue, Engine, shapes and views refuse bad arguments.
#include <limits>

#include "scorematch/scorematch.h"
#include "support/refusal.h"

#if defined(__SANITIZE_ADDRESS__)
// Makes an allocation past the address space fail as it does without the sanitizer.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
#endif

namespace scorematch::test {
namespace {

constexpr std::int64_t kHuge = std::int64_t{1} << 62;

class BadState : public Engines {};

TEST_P(BadState, NoiseStates) {
  const Engine on = engine();
  constexpr std::int64_t steps = std::int64_t{1} << 40, samples = std::int64_t{1} << 48;
  expect_all_refused(on, std::vector<BadMake>{
                             {"step negative",
                              [](const Engine& e) {
                                NoiseState(e, {1, -1, 0});
                              },
                              {"step", "in [0, 2^40)", "-1"}},
                             {"step past its end",
                              [](const Engine& e) {
                                NoiseState(e, {1, steps, 0});
                              },
                              {"step", "in [0, 2^40)", "1099511627776"}},
                             {"sample negative",
                              [](const Engine& e) {
                                NoiseState(e, {1, 0, -3});
                              },
                              {"first_sample", "in [0, 2^48)", "-3"}},
                             {"sample past its end",
                              [](const Engine& e) {
                                NoiseState(e, {1, 0, samples});
                              },
                              {"first_sample", "in [0, 2^48)", "281474976710656"}},
                         });
  NoiseState noise(on, {1, steps - 1, 5});
  Queue queue(on, 0), stranger(another(on), 0);
  if (on.kind() != Engine::Kind::cuda)  // the cuda engine cannot check values on the device
    expect_refused({"step", "in [0, 2^40)", "1099511627776"}, [&] { noise.advance(queue); });
  expect_refused({"step", "in [0, 2^40)", "-9"}, [&] { noise.set(queue, {1, -9, 0}); });
  const Refusal other{"queue", "a queue of the same engine", "one of another engine"};
  expect_refused(other, [&] { noise.advance(stranger); });
  expect_refused(other, [&] { noise.set(stranger, {}); });
  expect_refused(other, [&] { noise.read(stranger); });
  const NoiseState::Position at = noise.read(queue);
  EXPECT_EQ(at.seed, 1u);
  EXPECT_EQ(at.step, steps - 1);
  EXPECT_EQ(at.first_sample, 5);
}

struct CopyCall {
  explicit CopyCall(const Engine& engine_) : engine(engine_), queue(engine_, 0), to(memory.take<float>(6), {2, 3}) {
    host = {1, 2, 3, 4, 5, 6};
    from = {memory.fill<float>(6), {2, 3}};
  }
  void run() {
    if (reading) {
      const std::vector<float> read = queue.read_f32(from);
      std::copy_n(read.data(), std::min<std::size_t>(read.size(), 6), static_cast<float*>(to.data));
    } else {
      queue.write(to, no_host ? nullptr : host.data());
      queue.synchronize();
    }
  }
  Engine engine;
  Memory memory{engine};
  Queue queue;
  std::vector<float> host;
  View to;
  ConstView from;
  bool no_host = false, reading = false;
};

TEST_P(BadState, QueueCopies) {
  using C = CopyCall;
  const auto write = [](C&) {};
  const auto read = [](C& c) { c.reading = true; };
  expect_all_refused(
      engine(),
      std::vector<BadCall<C>>{
          {"to nowhere", write, [](C& c) { c.to = {}; }, {"to", "float32 memory", "nothing"}},
          {"from nowhere", write, [](C& c) { c.no_host = true; }, {"host", "memory to copy from", "nothing"}},
          {"floats to doubles",
           write,
           [](C& c) {
             c.to = {c.memory.take<double>(6), {2, 3}};
           },
           {"to", "float32 memory", "[2, 3] float64"}},
          {"to rows with gaps", write, [](C& c) { c.to.stride[0] = 4; }, {"to", "a dense view", "a stride of 4"}},
          {"to rows that overlap", write, [](C& c) { c.to.stride[0] = 2; }, {"to", "a row stride of at least 3", "2"}},
          {"to seven axes", write, [](C& c) { c.to.shape.rank = 7; }, {"shape", "at most 3 extents", "7"}},
          {"to a negative count",
           write,
           [](C& c) { c.to.shape.extent[0] = -2; },
           {"shape", "extents of at least 0", "-2"}},
          {"to 2^64 bytes",
           write,
           [](C& c) { c.to.shape = kHuge, c.to.stride[0] = 1; },
           {"to", "an array within the address space", "[4611686018427387904] float32"}},
          {"read of another type",
           read,
           [](C& c) {
             c.from = {c.memory.fill<double>(6), {2, 3}};
           },
           {"from", "float32 memory", "[2, 3] float64"}},
          {"read of nothing", read, [](C& c) { c.from.data = nullptr; }, {"from", "memory to read from", "nothing"}},
          {"read of columns with gaps",
           read,
           [](C& c) { c.from.stride[1] = 2; },
           {"from", "a last axis of stride 1", "2"}},
          {"read of a negative count",
           read,
           [](C& c) { c.from.shape.extent[1] = -3; },
           {"shape", "extents of at least 0", "-3"}},
          {"read past the last address",
           read,
           [](C& c) { c.from.stride[0] = kHuge; },
           {"from", "an array within the address space", "[2, 3] float32"}},
      });
  Queue queue(engine(), 0);
  float value = 0;
  expect_refused({"from", "float64 memory", "[1] float32"}, [&] { queue.read_f64(ConstView(&value, 1)); });
  expect_refused({"to", "float64 memory", "[1] float32"},
                 [&] { queue.write(View(&value, 1), static_cast<double*>(nullptr)); });
  EXPECT_TRUE(queue.read_f32({}).empty());
}

TEST_P(BadState, QueuesAndMemory) {
  alignas(256) static char scratch[512];
  const std::vector<float> host(6);
  const auto stream = reinterpret_cast<CUstream_st*>(scratch);
  const auto most = std::numeric_limits<std::size_t>::max();
  const Refusal no_memory{"", "memory for", "none", ErrorCode::out_of_memory};
  expect_all_refused(engine(),
                     std::vector<BadMake>{
                         {"stream on the host",
                          [=](const Engine& e) { Queue(e, 0, stream); },
                          {"stream", "none, as this engine computes on the host", "a CUDA stream"},
                          On::host},
                         {"stream on the host, scratch given",
                          [=](const Engine& e) { Queue(e, scratch, 256, stream); },
                          {"stream", "none, as this engine computes on the host", "a CUDA stream"},
                          On::host},
                         {"no scratch",
                          [](const Engine& e) { Queue(e, nullptr, 256); },
                          {"workspace", "256 bytes of memory", "nothing"}},
                         {"scratch misaligned",
                          [=](const Engine& e) { Queue(e, scratch + 64, 256); },
                          {"workspace", "an address that is a multiple of 256", "64 bytes past a multiple"}},
                         {"scratch past the address space", [=](const Engine& e) { Queue(e, most); }, no_memory},
                         {"scratch of 2^62 bytes", [](const Engine& e) { Queue(e, std::size_t{1} << 62); }, no_memory},
                         {"memory of 2^62 bytes", [](const Engine& e) { e.allocate<float>(kHuge / 4); }, no_memory},
                         {"memory of 2^64 bytes",
                          [](const Engine& e) { e.allocate<float>(kHuge); },
                          {"shape", "fewer than 2^64 bytes", "[4611686018427387904]"}},
                         {"memory of 2^64 elements",
                          [](const Engine& e) {
                            e.allocate<char>({kHuge, 4});
                          },
                          {"shape", "a product of extents below 2^63", "[4611686018427387904, 4]"}},
                         {"memory of a negative size",
                          [](const Engine& e) { e.allocate<char>(-1); },
                          {"shape", "extents of at least 0", "-1"}},
                         {"upload to another shape",
                          [=](const Engine& e) {
                            e.upload(host, {2, 4});
                          },
                          {"shape", "6 elements", "[2, 4]"}},
                         {"upload to a negative shape",
                          [=](const Engine& e) { e.upload(host, Shape(-6)); },
                          {"shape", "extents of at least 0", "-6"}},
                     });
}

INSTANTIATE_TEST_SUITE_P(On, BadState, engines(), engine_name);

TEST(BadEngine, IsRefused) {
  expect_refused({"threads", "between 0 and 4096", "-1"}, [] { Engine::cpu(-1); });
  expect_refused({"threads", "between 0 and 4096", "4097"}, [] { Engine::cpu(4097); });
  expect_refused({"threads", "between 0 and 4096", "-1"}, [] { Engine::best(-1); });
  expect_refused({"device", "at least 0", "-1"}, [] { Engine::cuda(-1); });
}

TEST(BadShape, IsRefused) {
  expect_refused({"shape", "at most 3 extents", "4"}, [] { Shape({1, 2, 3, 4}); });
  expect_refused({"shape", "extents of at least 0", "-2"}, [] { Shape({1, -2}); });
  expect_refused({"shape", "extents of at least 0", "-2"}, [] { Shape(-2).count(); });
  expect_refused({"shape", "a product of extents below 2^63", "[4611686018427387904, 2]"}, [] {
    Shape({kHuge, 2}).count();
  });
  Shape many;
  many.rank = 9;
  expect_refused({"shape", "at most 3 extents", "9"}, [&] { many.count(); });
  many.rank = -1;
  expect_refused({"shape", "at most 3 extents", "-1"}, [&] { many.count(); });
  EXPECT_EQ(Shape().count(), 0);
  EXPECT_EQ(Shape({kHuge, 2, 0}).count(), 0);
}

TEST(BadView, IsRefused) {
  float value[24] = {};
  const auto make = [&](const Shape& shape) { return View(value, shape); };
  const char* too_large = "a product of extents below 2^63";
  expect_refused({"shape", "extents of at least 0", "-4"}, [&] { make(-4); });
  expect_refused({"shape", too_large, "[4611686018427387904, 4]"}, [&] { make({kHuge, 4}); });
  // The product of the extents is 0, but the strides overflow.
  expect_refused({"shape", too_large, "[0, 4611686018427387904, 4611686018427387904]"}, [&] {
    make({0, kHuge, kHuge});
  });

  const View planes(value, {2, 4, 3});
  expect_refused({"samples", "a view that is not empty", "an empty one"}, [] { View().samples(0, 0); });
  expect_refused({"samples", "a range within [0, 4)", "[-1, -1 + 2)"}, [&] { planes.samples(-1, 2); });
  expect_refused({"samples", "a range within [0, 4)", "[2, 2 + 3)"}, [&] { planes.samples(2, 3); });
  expect_refused({"samples", "a range within [0, 4)", "[3, 3 + 9223372036854775807)"},
                 [&] { planes.samples(3, std::numeric_limits<std::int64_t>::max()); });
  expect_refused({"samples", "a range within [0, 4)", "[0, 0 + -1)"}, [&] { planes.samples(0, -1); });
  EXPECT_EQ(planes.samples(4, 0).shape.extent[1], 0);

  // A part of a view that is not given has no address either.
  const ConstView nothing(static_cast<const float*>(nullptr), {4, 3});
  expect_refused({"samples", "a view that is not empty", "an empty one"}, [&] { nothing.samples(2, 2); });
  View hostile = planes;
  hostile.stride[1] = kHuge;
  expect_refused({"samples", "a stride within the address space", "4611686018427387904"},
                 [&] { hostile.samples(3, 1); });
  hostile.shape.rank = 9;
  expect_refused({"with_row_stride", "a view of two or three axes", "a shape of 9 extents"},
                 [&] { hostile.with_row_stride(3); });

  expect_refused({"with_row_stride", "a view of two or three axes", "[24]"}, [&] { make(24).with_row_stride(1); });
  expect_refused({"with_row_stride", "at least 3", "2"}, [&] { planes.with_row_stride(2); });
  expect_refused({"with_row_stride", "planes less than 2^63 elements apart", "4 rows of 4611686018427387904"},
                 [&] { planes.with_row_stride(kHuge); });
}

}  // namespace
}  // namespace scorematch::test
