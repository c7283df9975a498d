// Machines on which the engine is not available, or only in part. Each refusal names the cause and the remedy, leaves
// nothing behind, and lets Engine::best() fall back to the CPU and say so.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <set>

#include "cuda/cuda_fixture.h"
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
      ADD_FAILURE() << "the call was not refused";
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

/// A machine with a deficiency, and the words of the refusal.
struct Lacking {
  runtime::Machine machine;
  const char *cause, *remedy;
  int device = 0;
};

TEST_F(CudaMachine, ThatLacksSomething) {
  // Devices, driver, compute capability, memory, kernels, cuBLASLt.
  const Lacking all[] = {
      {{1, 0, 90}, "an NVIDIA driver, got none", "install one"},
      {{1, 11080, 90}, "got one for 11.8", "update it"},
      {{0, 13000, 90}, "a GPU, got none", "nvidia-smi"},
      {{1, 13000, 75}, "got 7.5 (stand-in)", "another device"},
      {{1, 13000, 103, 1 << 20, false}, "), got compute capability 10.3 (stand-in)", "-DCMAKE_CUDA_ARCHITECTURES=103"},
      {{1, 13000, 90, 1 << 20, true, false}, "libcublasLt.so.", "in LD_LIBRARY_PATH"},
      {{2, 13000, 90}, "below 2, got 2", "CUDA_VISIBLE_DEVICES", 2}};
  for (const Lacking& each : all) expect_unavailable(each.machine, each.cause, each.remedy, each.device);
}

TEST_F(CudaMachine, BestIsTheGpu) {
  const Engine best = Engine::best();
  EXPECT_EQ(best.kind(), Engine::Kind::cuda);
  EXPECT_EQ(best.description().rfind("cuda:0 stand-in, compute capability 9.0", 0), 0u) << best.description();
}

/// A GPU whose memory is full.
TEST_F(CudaMachine, WithoutMemory) {
  runtime::Machine machine;
  machine.memory = 0;
  runtime::start(machine);
  const std::string remedy = "free device memory, or make the plans for a smaller max_batch";
  try {
    Engine::cuda();
    ADD_FAILURE() << "the call was not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
    EXPECT_NE(std::string(error.what()).find(remedy), std::string::npos) << error.what();
  }
  const Engine best = Engine::best();
  EXPECT_NE(best.kind(), Engine::Kind::cuda);
  EXPECT_NE(best.description().find(remedy), std::string::npos) << best.description();
}

/// Whatever fails while the engine is created, and with whatever code, Engine::best() returns the CPU.
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
    ADD_FAILURE() << "the call was not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
    const std::string what = error.what();
    EXPECT_NE(what.find("34359738368 bytes on stand-in"), std::string::npos) << what;
    EXPECT_NE(what.find("a smaller max_batch"), std::string::npos) << what;
  }
}

/// The engine uses its own device and does not change the caller's current device.
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
    const auto params = second.upload(net.initial_params(1, Initialization::torch)),
               x = second.upload(std::vector<float>(8), {4, 2});
    auto loss = second.allocate<Estimate>();
    plan.run(queue, {params, {x, noise}}, {loss.data()});
    noise.advance(queue);
    EXPECT_EQ(queue.read_one(loss).count, 4);
    expect_invalid("stream", "a stream of device 0, got one of device 1", [&] { Queue(first, 0, stream); });
    Queue other(first, plan.workspace_bytes());
    expect_invalid("queue", "(" + second.description() + "), got one of another engine (" + first.description() + ")",
                   [&] {
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

/// Memory of the host or of another device is refused, with the name of the argument, before anything is enqueued,
/// recorded or not. Managed memory is accepted like memory of the device.
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
  auto params = engine.upload(net.initial_params(1, Initialization::torch)),
       x = engine.upload(std::vector<float>(8), {4, 2});
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
    LossPlan::In in{params, {x, noise}};
    LossPlan::Out to{loss.data(), grad};
    spoil(in, to);
    plan.run(queue, in, to);
  };
  using In = LossPlan::In;
  using Out = LossPlan::Out;
  const auto expect_all_refused = [&] {
    expect_invalid("x", got_host, [&] { run([&](In& in, Out&) { in.batch.x = {host.data(), {4, 2}}; }); });
    expect_invalid("x", got_far, [&] { run([&](In& in, Out&) { in.batch.x = far; }); });
    expect_invalid("rows", got_host, [&] { run([&](In& in, Out&) { in.batch.rows = {rows.data(), 4}; }); });
    expect_invalid("noise.state", got_host, [&] { run([&](In& in, Out&) { in.batch.noise = noise_of_host; }); });
    expect_invalid("noise.state", got_far, [&] { run([&](In& in, Out&) { in.batch.noise = noise_of_neighbour; }); });
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
  run([&](In& in, Out&) { in.batch.x = {static_cast<const float*>(managed), {4, 2}}; });
  EXPECT_EQ(queue.read_one(loss).count, 4);
  EXPECT_EQ(cudaFree(managed), cudaSuccess);
}

/// What the call throws, or "" if it returns.
template <class Call>
std::string refusal_of(const Call& call) {
  try {
    call();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST_F(CudaMachine, IsLeftToTheProcessThatOpenedIt) {
  runtime::start({1, 13000, 90});
  const Engine engine = Engine::cuda();
  const MlpShape net = MlpShape::score(2, {8});
  const LossPlan plan(engine, net, Loss::diffusion(), 4);
  Queue queue(engine, plan.workspace_bytes());
  auto params = engine.upload(net.initial_params(1)), x = engine.allocate<float>({4, 2});
  auto loss = engine.allocate<Estimate>();
  const NoiseState noise(engine, 1);

  const pid_t child = ::fork();
  if (child == 0) {
    const std::string words = "expected a cuda engine of this process, got one made before fork()";
    bool refused = true;
    const auto expect = [&](const std::string& message, const std::string& part) {
      if (message.find(part) != std::string::npos) return;
      refused = false;
      std::fprintf(stderr, "expected '%s', got '%s'\n", part.c_str(), message.c_str());
    };
    expect(refusal_of([&] { plan.run(queue, {params, {x, noise}}, {loss.data()}); }), words);
    expect(refusal_of([&] { queue.synchronize(); }), words);
    expect(refusal_of([&] { queue.read(params); }), words);
    expect(refusal_of([&] { engine.allocate<float>(3); }), words);
    expect(refusal_of([&] { LossPlan(engine, net, Loss::diffusion(), 4); }), words);
    expect(refusal_of([&] { Engine::cuda(); }), "got a child of fork() of one that has");
    const Engine best = Engine::best();
    if (best.kind() == Engine::Kind::cuda) refused = false;
    expect(best.description(), "a child of fork()");
    std::fflush(stderr);
    ::_exit(refused ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  plan.run(queue, {params, {x, noise}}, {loss.data()});
  queue.synchronize();
}

}  // namespace
}  // namespace scorematch::testing_support
