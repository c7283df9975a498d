// Calls that must be refused: checks the Error, and that nothing was written.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "scorematch/engine.h"
#include "scorematch/error.h"
#include "scorematch/queue.h"
#include "scorematch/view.h"
#if defined(SCOREMATCH_STAND_IN)
#include "cuda/cuda_fixture.h"
#endif

namespace scorematch::test {

/// The output of a caller's function that is zero everywhere.
inline void write_zeros(Queue& queue, const View& view) {
  const auto count = static_cast<std::size_t>(view.shape.count());
  if (view.dtype == DType::f64) return queue.write(view, std::vector<double>(count).data());
  queue.write(view, std::vector<float>(count).data());
}

/// Arrays for an engine. Each is a block of its own, so that an access past its end is detected. Blocks are on the
/// heap, or, with the stand-in, in GPU memory, which the host can write to there.
class Memory {
 public:
  explicit Memory(const Engine& engine) : engine_(engine) {}

  static constexpr char kSentinel = '\x35';  // 0x35353535 is 6.75e-7, a float that no result has

  /// Sentinels, for an output.
  template <class T>
  T* take(std::int64_t count) {
    const auto bytes = static_cast<std::size_t>(count) * sizeof(T);
    char* block = nullptr;
    if (engine_.kind() == Engine::Kind::cuda)
      block = on_device_.emplace_back(engine_.allocate<char>(static_cast<std::int64_t>(bytes))).data();
    else
      block = on_host_.emplace_back(bytes).data();
    blocks_.push_back({block, bytes});
    std::fill_n(block, bytes, kSentinel);
    return reinterpret_cast<T*>(block);
  }
  /// Values in (0, 1], for an input.
  template <class T>
  T* fill(std::int64_t count) {
    T* array = take<T>(count);
    for (std::int64_t i = 0; i < count; ++i) array[i] = static_cast<T>(static_cast<double>(i % 7 + 1) / 7);
    return array;
  }
  template <class T>
  T* copy(const std::vector<T>& values) {
    T* array = take<T>(static_cast<std::int64_t>(values.size()));
    std::copy(values.begin(), values.end(), array);
    return array;
  }

  using Snapshot = std::vector<std::string>;
  Snapshot bytes() const { return {blocks_.begin(), blocks_.end()}; }

 private:
  Engine engine_;
  std::vector<std::string_view> blocks_;
  std::vector<std::vector<char>> on_host_;
  std::vector<Buffer<char>> on_device_;
};

constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();

inline void set_float(const ConstView& view, std::int64_t at, double value) {
  static_cast<float*>(const_cast<void*>(view.data))[at] = static_cast<float>(value);
}
template <class AnyView>
void shift(AnyView& view, int bytes) {
  view.data = const_cast<char*>(static_cast<const char*>(view.data)) + bytes;
}

/// An engine other than this one.
inline Engine another(const Engine& engine) {
  return engine.kind() == Engine::Kind::reference ? Engine::best() : Engine::reference();
}

struct Refusal {
  std::string argument;
  std::string expected, got;  // the beginnings of what follows these words
  ErrorCode code = ErrorCode::invalid_argument;
};

template <class Call>
void expect_refused(const Refusal& refusal, const Call& call) {
  try {
    call();
    ADD_FAILURE() << "expected a refusal of '" << refusal.argument << "', got none";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(error.code(), refusal.code) << message;
    EXPECT_LT(message.size(), 1000u) << message;
    EXPECT_EQ(error.argument(), refusal.argument) << message;
    EXPECT_NE(message.find("expected " + refusal.expected), std::string::npos) << message;
    EXPECT_NE(message.find("got " + refusal.got), std::string::npos) << message;
    if (refusal.code != ErrorCode::io && !refusal.argument.empty()) {
      EXPECT_EQ(message.rfind(refusal.argument + ": ", 0), 0u) << message;
    }
  }
}

/// The engines to which a row applies. host: those that check values; f32: those without float64, which need scratch.
enum class On { every, host, reference, f32 };

inline bool holds(On on, Engine::Kind kind) {
  switch (on) {
    case On::host:
      return kind != Engine::Kind::cuda;
    case On::reference:
      return kind == Engine::Kind::reference;
    case On::f32:
      return kind != Engine::Kind::reference;
    case On::every:
      break;
  }
  return true;
}

/// One row: a call that is valid after `prepare` and invalid after `spoil`.
template <class Call>
struct BadCall {
  const char* name;
  std::function<void(Call&)> prepare, spoil;
  Refusal refusal;
  On on = On::every;
};

/// Call has a constructor Call(Engine), a `Memory memory` with everything that it reads and writes, and run().
template <class Call>
void expect_all_refused(const Engine& engine, const std::vector<BadCall<Call>>& table) {
  std::set<std::string> names;
  for (const BadCall<Call>& row : table) {
    SCOPED_TRACE(row.name);
    EXPECT_TRUE(names.insert(row.name).second) << "duplicate name in the table";
    if (!holds(row.on, engine.kind())) continue;

    Call good(engine);
    row.prepare(good);
    const Memory::Snapshot before_good = good.memory.bytes();
    EXPECT_NO_THROW(good.run());
    EXPECT_FALSE(good.memory.bytes() == before_good) << "the valid call wrote nothing";

    Call bad(engine);
    row.prepare(bad);
    row.spoil(bad);
    const Memory::Snapshot before_bad = bad.memory.bytes();
    expect_refused(row.refusal, [&] { bad.run(); });
    EXPECT_TRUE(bad.memory.bytes() == before_bad) << "the refused call wrote to memory";
  }
}

/// A row for a constructor, which has nothing to prepare and no memory.
struct BadMake {
  const char* name;
  std::function<void(const Engine&)> make;
  Refusal refusal;
  On on = On::every;
};

inline void expect_all_refused(const Engine& engine, const std::vector<BadMake>& table) {
  std::set<std::string> names;
  for (const BadMake& row : table) {
    SCOPED_TRACE(row.name);
    EXPECT_TRUE(names.insert(row.name).second) << "duplicate name in the table";
    if (holds(row.on, engine.kind())) expect_refused(row.refusal, [&] { row.make(engine); });
  }
}

#if defined(SCOREMATCH_STAND_IN)
using EngineTest = testing_support::CudaTest;
inline auto engines() { return testing::Values(Engine::Kind::reference, Engine::Kind::cpu, Engine::Kind::cuda); }
#else
using EngineTest = testing::Test;
inline auto engines() { return testing::Values(Engine::Kind::reference, Engine::Kind::cpu); }
#endif

/// Runs with each engine of the build that computes on the host, and with the cuda engine if there is the stand-in.
class Engines : public EngineTest, public testing::WithParamInterface<Engine::Kind> {
 protected:
  static Engine make(Engine::Kind kind) {
    return kind == Engine::Kind::cuda  ? Engine::cuda()
           : kind == Engine::Kind::cpu ? Engine::cpu(2)
                                       : Engine::reference();
  }
  void SetUp() override {
    try {
      make(GetParam());
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }
  Engine engine() const { return make(GetParam()); }
};

inline std::string engine_name(const testing::TestParamInfo<Engine::Kind>& info) {
  return info.param == Engine::Kind::cuda ? "Cuda" : info.param == Engine::Kind::cpu ? "Cpu" : "Reference";
}

}  // namespace scorematch::test
