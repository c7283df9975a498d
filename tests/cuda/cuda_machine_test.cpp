// Machines on which the engine cannot be had, or not in full: each refusal names cause and remedy, leaves nothing
// behind, and lets Engine::best() go on with the CPU and say so.
#include <set>

#include "cuda/cuda_fixture.h"
#include "launchers.h"
#include "scorematch/scorematch.h"

namespace scorematch::testing_support {
namespace {

namespace runtime = simt::runtime;

template <class Call>
void expect_invalid(const std::string& argument, const std::string& words, const Call& call) {
  try {
    call();
    ADD_FAILURE() << "expected a refusal of '" << argument << "', got none";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << error.what();
    EXPECT_EQ(error.argument(), argument) << error.what();
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
  }
}

class CudaMachine : public CudaTest {
 protected:
  static void expect_unavailable(const runtime::Machine& machine, const std::string& cause, const std::string& remedy,
                                 int device = 0) {
    runtime::start(machine);
    try {
      Engine::cuda(device);
      ADD_FAILURE() << "was not refused";
    } catch (const Error& error) {
      const std::string what = error.what();
      EXPECT_EQ(error.code(), ErrorCode::device_unavailable) << what;
      EXPECT_EQ(error.argument(), "device");
      EXPECT_NE(what.find(cause), std::string::npos) << what;
      EXPECT_NE(what.find(remedy), std::string::npos) << what;
      EXPECT_NE(what.find("Engine::cpu()"), std::string::npos) << what;
    }
    EXPECT_EQ(cudaGetLastError(), cudaSuccess);
    EXPECT_EQ(runtime::live(), "");
    if (device != 0) return;
    const Engine best = Engine::best();
    EXPECT_NE(best.kind(), Engine::Kind::cuda);
    EXPECT_NE(best.description().find(cause), std::string::npos) << best.description();
  }
};

/// What is wrong with a machine, and which words the refusal has.
struct Lacking {
  runtime::Machine machine;
  const char *cause, *remedy;
  int device = 0;
};

TEST_F(CudaMachine, ThatLacksSomething) {
  // Devices, driver, compute capability, memory, kernels.
  const Lacking all[] = {
      {{1, 0, 90}, "an NVIDIA driver, got none", "install one"},
      {{1, 11080, 90}, "got one for 11.8", "update it"},
      {{0, 13000, 90}, "a GPU, got none", "nvidia-smi"},
      {{1, 13000, 75}, "got 7.5 (stand-in)", "another device"},
      {{1, 13000, 103, 1 << 20, false}, "), got compute capability 10.3 (stand-in)", "-DCMAKE_CUDA_ARCHITECTURES=103"},
      {{2, 13000, 90}, "below 2, got 2", "CUDA_VISIBLE_DEVICES", 2}};
  for (const Lacking& each : all) expect_unavailable(each.machine, each.cause, each.remedy, each.device);
}

TEST_F(CudaMachine, BestIsTheGpu) {
  const Engine best = Engine::best();
  EXPECT_EQ(best.kind(), Engine::Kind::cuda);
  EXPECT_EQ(best.description().rfind("cuda:0 stand-in, compute capability 9.0", 0), 0u) << best.description();
}

/// A GPU that others have filled up.
TEST_F(CudaMachine, WithoutMemory) {
  runtime::Machine machine;
  machine.memory = 0;
  runtime::start(machine);
  const std::string remedy = "free some of the device's, or make the plans for a smaller max_batch";
  try {
    Engine::cuda();
    ADD_FAILURE() << "was not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
    EXPECT_NE(std::string(error.what()).find(remedy), std::string::npos) << error.what();
  }
  const Engine best = Engine::best();
  EXPECT_NE(best.kind(), Engine::Kind::cuda);
  EXPECT_NE(best.description().find(remedy), std::string::npos) << best.description();
}

/// Whatever fails while the engine is made, and with whatever code, there is still the CPU.
TEST_F(CudaMachine, BestOutlivesEveryFailure) {
  std::set<ErrorCode> codes;
  for (int n = 1;; ++n) {
    runtime::start();
    runtime::fail_call(n);
    try {
      Engine::cuda();
    } catch (const Error& error) {
      codes.insert(error.code());
    }
    runtime::fail_call(n);
    const Engine best = Engine::best();
    if (!runtime::has_failed()) {
      EXPECT_EQ(best.kind(), Engine::Kind::cuda);
      break;
    }
    EXPECT_NE(best.kind(), Engine::Kind::cuda) << runtime::failed_call();
    EXPECT_NE(best.description().find(" (cuda: "), std::string::npos) << best.description();
    EXPECT_EQ(runtime::live(), "") << runtime::failed_call();
    EXPECT_EQ(cudaGetLastError(), cudaSuccess) << runtime::failed_call();
  }
  EXPECT_EQ(codes,
            (std::set<ErrorCode>{ErrorCode::device_unavailable, ErrorCode::out_of_memory, ErrorCode::device_fault}));
}

TEST_F(CudaMachine, OutOfMemoryNamesWhatWasAskedFor) {
  const Engine engine = Engine::cuda();
  try {
    engine.allocate<float>(std::int64_t{1} << 33);
    ADD_FAILURE() << "was not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
    const std::string what = error.what();
    EXPECT_NE(what.find("34359738368 bytes on stand-in"), std::string::npos) << what;
    EXPECT_NE(what.find("a smaller max_batch"), std::string::npos) << what;
  }
}

/// The engine works on its own device, and leaves the caller's choice as it was.
TEST_F(CudaMachine, OfSeveralDevices) {
  runtime::Machine machine;
  machine.devices = 2;
  runtime::start(machine);
  const Engine first = Engine::cuda(0), second = Engine::cuda(1);
  const MlpShape net = MlpShape::score(2, {8});
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  {
    const LossPlan plan(second, net, {Dsm{}, schedule::Single{1}}, 4);
    Queue queue(second, plan.workspace_bytes(), stream);
    NoiseState noise(second, 1);
    const auto params = second.upload(net.initial_params(1)), x = second.upload(std::vector<float>(8), {4, 2});
    auto loss = second.allocate<Estimate>();
    plan.run(queue, {params, x, noise}, {loss.data()});
    noise.advance(queue);
    EXPECT_EQ(queue.read_one(loss).count, 4);
    expect_invalid("stream", "a stream of device 0, got one of 1", [&] { Queue(first, 0, stream); });
    Queue other(first, plan.workspace_bytes());
    expect_invalid("queue", "(" + second.description() + "), got one of another (" + first.description() + ")", [&] {
      plan.run(other, {params, x, noise}, {loss.data()});
    });
    EXPECT_EQ(first.description().rfind("cuda:0 stand-in", 0), 0u) << first.description();
    EXPECT_EQ(second.description().rfind("cuda:1 stand-in", 0), 0u) << second.description();
  }
  int device = -1;
  EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
  EXPECT_EQ(device, 0);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

/// Memory of the host or of another device is refused by the argument's name before anything is enqueued, recorded or
/// not; managed memory is as good as the device's own.
TEST_F(CudaMachine, RefusesMemoryThatIsElsewhere) {
  runtime::Machine machine;
  machine.devices = 2;
  runtime::start(machine);
  const Engine engine = Engine::cuda(0), neighbour = Engine::cuda(1);
  const MlpShape net = MlpShape::score(2, {8});
  const LossPlan plan(engine, net, {Dsm{}, schedule::LogNormal{}}, 4);
  const DirectionPlan directions(engine, 2, 1, Projection::sphere, 4);
  const Stream stream;
  Queue queue(engine, plan.workspace_bytes(), stream.get());
  Adam adam(engine, net.param_count(), {});
  const NoiseState noise(engine, 1), noise_of_neighbour(neighbour, 1), noise_of_host(Engine::reference(), 1);
  auto params = engine.upload(net.initial_params(1)), x = engine.upload(std::vector<float>(8), {4, 2});
  auto grad = engine.allocate<float>(net.param_count()), out = engine.allocate<float>({4, 2});
  auto loss = engine.allocate<Estimate>();
  const auto far = neighbour.upload(std::vector<float>(8), {4, 2});
  std::vector<float> host(64);
  std::vector<std::int64_t> rows(4);
  Estimate host_loss;
  alignas(256) char scratch[256];

  const std::string got_host = "memory of device 0, got memory of the host";
  const std::string got_far = "memory of device 0, got memory of device 1";
  const auto run = [&](const auto& spoil) {
    LossPlan::In in{params, x, noise};
    LossPlan::Out to{loss.data(), grad};
    spoil(in, to);
    plan.run(queue, in, to);
  };
  using In = LossPlan::In;
  using Out = LossPlan::Out;
  const auto expect_all_refused = [&] {
    expect_invalid("x", got_host, [&] { run([&](In& in, Out&) { in.x = {host.data(), {4, 2}}; }); });
    expect_invalid("x", got_far, [&] { run([&](In& in, Out&) { in.x = far; }); });
    expect_invalid("rows", got_host, [&] { run([&](In& in, Out&) { in.rows = {rows.data(), 4}; }); });
    expect_invalid("noise.state", got_host, [&] { run([&](In& in, Out&) { in.noise = noise_of_host; }); });
    expect_invalid("noise.state", got_far, [&] { run([&](In& in, Out&) { in.noise = noise_of_neighbour; }); });
    expect_invalid("loss", got_host, [&] { run([&](In&, Out& to) { to.loss = &host_loss; }); });
    expect_invalid("grad", got_host, [&] { run([&](In&, Out& to) { to.grad = {host.data(), to.grad.shape}; }); });
    expect_invalid("directions", got_host, [&] { directions.run(queue, noise, View(host.data(), {1, 4, 2})); });
    expect_invalid("noise.state", got_host, [&] { directions.run(queue, noise_of_host, View(out.data(), {1, 4, 2})); });
    expect_invalid("grad", got_host, [&] { adam.step(queue, params, ConstView(host.data(), params.size())); });
    expect_invalid("workspace", got_host, [&] { Queue(engine, scratch, 256, stream.get()); });
  };
  const int before = runtime::enqueued();
  expect_all_refused();
  expect_invalid("from", got_host, [&] { queue.read_f32(ConstView(host.data(), 4)); });
  expect_invalid("from", got_far, [&] { queue.read(far); });
  expect_invalid("to", got_host, [&] { queue.write(View(host.data(), 4), host.data()); });
  EXPECT_EQ(runtime::enqueued(), before);
  std::size_t recorded = 1;
  {
    cudaGraph_t graph = nullptr;
    ASSERT_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), cudaSuccess);
    expect_all_refused();
    ASSERT_EQ(cudaStreamEndCapture(stream.get(), &graph), cudaSuccess);
    EXPECT_EQ(cudaGraphGetNodes(graph, nullptr, &recorded), cudaSuccess);
    cudaGraphDestroy(graph);
  }
  EXPECT_EQ(recorded, 0u);
  EXPECT_EQ(queue.read(grad), std::vector<float>(grad.size()));

  void* managed = nullptr;
  ASSERT_EQ(cudaMallocManaged(&managed, 8 * sizeof(float)), cudaSuccess);
  ASSERT_EQ(cudaMemset(managed, 0, 8 * sizeof(float)), cudaSuccess);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);  // the queue's stream does not wait for the default one
  run([&](In& in, Out&) { in.x = {static_cast<const float*>(managed), {4, 2}}; });
  EXPECT_EQ(queue.read_one(loss).count, 4);
  EXPECT_EQ(cudaFree(managed), cudaSuccess);
}

/// The table of docs/cuda.md, but for the alignment of each array.
TEST_F(CudaMachine, WorkspaceIsAsStated) {
  const Engine engine = Engine::cuda();
  MlpShape net = MlpShape::score(5, {20, 33});
  net.conditioning = conditioning::LogSigma{};
  const std::int64_t weights = 256 + 1024 + 384, biases = 3 * 128;  // 8 24, 24 40, 40 8; 24, 40, 8
  for (const Precision precision : {Precision::fp32, Precision::bf16})
    for (const int m : {0, 3, 20}) {
      const std::int64_t t = precision == Precision::bf16 ? 2 : 4, r = 1024, s = 1 + std::min(m, 8);
      std::int64_t bytes = t * weights + 4 * biases + 4 * (weights + biases);
      bytes += s * r * t * (8 + 2 * (24 + 40)) + s * r * (4 + t) * 8;
      bytes += 2 * s * r * t * 40 + (m > 0 ? 4 * r * (24 + 40) : 0);
      bytes += 4 * r * (1 + s) + 4 * 40 * kernels::column_sum_blocks(r) + (m > 0 ? 4 * r * 8 : 0);
      bytes += std::int64_t{8} << 20;
      const Loss loss{m == 0 ? Objective(Dsm{}) : Objective(Ssm{m}), schedule::Single{1}};
      const Compute layered{precision, Route::layered};
      const auto got = static_cast<std::int64_t>(LossPlan(engine, net, loss, r, layered).workspace_bytes());
      EXPECT_GE(got, bytes) << m;
      EXPECT_LE(got, bytes + 30 * 256) << m;
      EXPECT_EQ(LossPlan(engine, net, loss, 1 << 16, layered).workspace_bytes(),
                LossPlan(engine, net, loss, std::int64_t{1} << 40, layered).workspace_bytes());
    }
}

/// What a plan says of itself, and, of the layered route, the count of docs/performance.md.
TEST_F(CudaMachine, LaunchesAreAsStated) {
  const Engine engine = Engine::cuda();
  const NoiseState noise(engine, 1);
  const auto x = engine.upload(std::vector<float>(2 * 130), {130, 2});
  auto loss = engine.allocate<Estimate>();
  const auto launches = [&](const LossPlan& plan, const MlpShape& net) {
    Queue queue(engine, plan.workspace_bytes());
    const auto params = engine.upload(net.initial_params(1));
    auto grad = engine.allocate<float>(net.param_count());
    const int before = runtime::enqueued();
    plan.run(queue, {params, x, noise}, {loss.data(), grad});
    queue.synchronize();
    return runtime::enqueued() - before;
  };
  const Objective objectives[] = {Dsm{}, Dsm{Dsm::Variance::antithetic}, Ssm{1}, SsmVr{9}, Ism{}};
  for (const int layers : {1, 2, 3})
    for (const Objective& objective : objectives) {
      const MlpShape net = MlpShape::score(2, std::vector<int>(static_cast<std::size_t>(layers), 8));
      const Loss of{objective, schedule::Single{1}};
      const LossPlan layered(engine, net, of, 130, {Precision::fp32, Route::layered});
      EXPECT_EQ(layered.report(130).route, Route::layered);
      EXPECT_EQ(launches(layered, net), layered.report(130).launches) << layers << " " << objective.index();
      if (objective.index() == objectives[0].index() && &objective == objectives) {
        EXPECT_EQ(layered.report(130).launches, 3 + 8 + 6 * layers - 1);
      }
      const LossPlan fused(engine, net, of, 130);
      EXPECT_EQ(fused.report(130).route, Route::fused);
      EXPECT_EQ(fused.report(130).launches, 2);
      EXPECT_EQ(launches(fused, net), 2);
    }
  const MlpShape wide = MlpShape::score(2, {256, 256, 256});
  const LossPlan streaming(engine, wide, {Dsm{}, schedule::Single{1}}, 130, {Precision::bf16, Route::fused});
  EXPECT_EQ(streaming.report(130).launches, 3);
  EXPECT_EQ(launches(streaming, wide), 3);
  const MlpShape too_wide = MlpShape::score(2, {300});
  for (const MlpShape& net : {MlpShape::score(2, {8}), too_wide}) {
    const ScorePlan plan(engine, net, 130);
    EXPECT_EQ(plan.report(130).route, net.hidden == too_wide.hidden ? Route::layered : Route::fused);
    Queue queue(engine, plan.workspace_bytes());
    const auto params = engine.upload(net.initial_params(1));
    auto scores = engine.allocate<float>({130, 2});
    const int before = runtime::enqueued();
    plan.run(queue, {params, x}, {scores});
    queue.synchronize();
    EXPECT_EQ(runtime::enqueued() - before, plan.report(130).launches);
  }
}

/// A block's partial sums, and where it keeps its tile if not in shared memory (docs/cuda.md).
TEST_F(CudaMachine, FusedWorkspaceIsAsStated) {
  const Engine engine = Engine::cuda();
  constexpr int kBlocks = 4;  // multiprocessors of the stand-in
  const MlpShape net = MlpShape::score(8, {24, 40});
  const std::int64_t padded = 32 * 32 + 32 * 64 + 64 * 32 + 32 + 64 + 32;
  const auto bytes = [&](std::int64_t batch) {
    const LossPlan plan(engine, net, {Dsm{}, schedule::Single{1}}, batch, {Precision::bf16, Route::fused});
    return static_cast<std::int64_t>(plan.workspace_bytes());
  };
  EXPECT_GE(bytes(1 << 20), kBlocks * (4 * padded + 24));
  EXPECT_LE(bytes(1 << 20), kBlocks * (4 * padded + 24) + 2 * 256);
  EXPECT_EQ(bytes(1 << 20), bytes(std::int64_t{1} << 40));
}

TEST_F(CudaMachine, RefusesTheRouteThatIsNotThere) {
  const Engine engine = Engine::cuda();
  const Compute fused{Precision::fp32, Route::fused};
  for (const MlpShape& net : {MlpShape::score(2, {}), MlpShape::score(2, {257}), MlpShape::score(300, {8})}) {
    EXPECT_THROW(LossPlan(engine, net, {Dsm{}, schedule::Single{1}}, 4, fused), Error);
    EXPECT_THROW(ScorePlan(engine, net, 4, 0, Projection::gaussian, fused), Error);
  }
  EXPECT_THROW(
      LossPlan(engine, MlpShape::score(2, {8}), {Dsm{}, schedule::Single{1}}, 4, {Precision::tf32, Route::fused}),
      Error);
  EXPECT_THROW(LossPlan(engine, MlpShape::energy(2, {8}), {Dsm{}, schedule::Single{1}}, 4), Error);
}

}  // namespace
}  // namespace scorematch::testing_support
