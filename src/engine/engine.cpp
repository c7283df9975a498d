#include "scorematch/engine.h"

#include <cstring>
#include <utility>

#include "checks/argument.h"
#include "engine/backend.h"
#include "scorematch/error.h"

namespace scorematch {
namespace {

void check_threads(int threads) {
  if (threads < 0 || threads > 4096) throw_invalid("threads", "between 0 and 4096", std::to_string(threads));
}

/// Whether the error concerns one engine on this machine, so that another may work.
bool is_of_the_machine(ErrorCode code) {
  return code == ErrorCode::unsupported || code == ErrorCode::device_unavailable || code == ErrorCode::out_of_memory ||
         code == ErrorCode::device_fault;
}

}  // namespace

Engine::Engine(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Engine Engine::reference() { return Engine(make_reference_engine()); }

Engine Engine::cpu(int threads) {
  check_threads(threads);
  return Engine(make_cpu_engine(threads));
}

Engine Engine::cpu(CpuExecutor executor) {
  if (executor.threads < 1 || executor.threads > 4096)
    throw_invalid("executor.threads", "between 1 and 4096", std::to_string(executor.threads));
  if (!executor.run) throw_invalid("executor.run", "a function", "nothing");
  return Engine(make_cpu_engine(std::move(executor)));
}

Engine Engine::cuda(int device) {
  if (device < 0) throw_invalid("device", "at least 0", std::to_string(device));
  return Engine(make_cuda_engine(device));
}

Engine Engine::best(int threads) {
  check_threads(threads);
  std::string passed_over;
  const auto try_to_make = [&](const char* name, auto make) -> std::shared_ptr<Impl> {
    try {
      return make();
    } catch (const Error& error) {
      if (!is_of_the_machine(error.code())) throw;
      const bool absent = error.code() == ErrorCode::unsupported;
      passed_over +=
          (passed_over.empty() ? "" : "; ") + std::string(name) + ": " + (absent ? "not in this build" : error.what());
      return nullptr;
    }
  };
  std::shared_ptr<Impl> impl = try_to_make("cuda", [] { return make_cuda_engine(0); });
  if (!impl) impl = try_to_make("cpu", [=] { return make_cpu_engine(threads); });
  if (!impl) impl = make_reference_engine();
  impl->note = passed_over;
  return Engine(std::move(impl));
}

Engine::Kind Engine::kind() const { return impl_->kind; }

std::string Engine::description() const {
  return impl_->description() + (impl_->note.empty() ? "" : " (" + impl_->note + ")");
}

std::shared_ptr<void> Engine::allocate_bytes(const Shape& shape, std::size_t element_bytes) const {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<std::size_t>(shape.count()), element_bytes, &bytes))
    throw_invalid("shape", "fewer than 2^64 bytes", describe(shape));
  return impl_->allocate(bytes, Content::zeros);
}

std::shared_ptr<void> Engine::upload_bytes(const void* host, std::size_t count, const Shape& shape,
                                           std::size_t element_bytes) const {
  if (static_cast<std::size_t>(shape.count()) != count)
    throw_invalid("shape", std::to_string(count) + " elements", describe(shape));
  if (host == nullptr && count > 0) throw_invalid("host", "memory to copy from", "nothing");
  return scorematch::upload(*impl_, host, count * element_bytes);
}

std::shared_ptr<void> upload(Engine::Impl& engine, const void* host, std::size_t bytes) {
  std::shared_ptr<void> memory = engine.allocate(bytes, Content::anything);
  Queue::Impl queue;
  queue.engine = engine.shared_from_this();
  engine.copy_in(queue, memory.get(), host, bytes);
  engine.synchronize(queue);
  return memory;
}

}  // namespace scorematch
