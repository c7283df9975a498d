// Engines, their memory, and queues.
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "c/handles.h"
#include "checks/argument.h"
#include "engine/backend.h"

using namespace scorematch;
using namespace scorematch::c;

struct scorematch_buffer {
  std::shared_ptr<void> memory;
};

namespace {

scorematch_queue owning(std::unique_ptr<Queue> queue) {
  Queue& same = *queue;
  return {std::move(queue), same};
}

CUstream_st* stream_of(void* stream) { return static_cast<CUstream_st*>(stream); }

void check_bytes(std::size_t bytes) {
  if (bytes > static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max()))
    throw_invalid("bytes", "fewer than 2^63", std::to_string(bytes));
}

/// Checks that the host's array has the size of the view.
void check_host(const scorematch_view& view, const void* host, std::size_t bytes) {
  if (view.dtype < SCOREMATCH_F32 || view.dtype > SCOREMATCH_I64)
    throw_invalid("dtype", "SCOREMATCH_F32, F64 or I64", std::to_string(view.dtype));
  need(static_cast<const char*>(host), "host", "memory");
  const ConstView given = input(view);
  const auto wanted = static_cast<std::size_t>(given.shape.count());
  const std::size_t element = view.dtype == SCOREMATCH_F32 ? 4 : 8;
  if (bytes / element != wanted || bytes % element != 0)
    throw_invalid("bytes", std::to_string(element) + " per element of " + describe(given), std::to_string(bytes));
}

template <class T>
void copy_to_host(const std::vector<T>& values, void* host) {
  std::copy(values.begin(), values.end(), static_cast<T*>(host));
}

void run_part(void* work, std::int32_t part) { (*static_cast<const std::function<void(int)>*>(work))(part); }

/// Wraps the caller's functions. The copies of the result share `user`, and the last one releases it.
CpuExecutor executor_of(const scorematch_cpu_executor& given) {
  const auto release = given.release;
  const std::shared_ptr<void> user(given.user, [release](void* held) {
    if (release != nullptr) release(held);
  });
  if (given.run == nullptr) refuse_null("executor.run", "a function");
  return {given.threads, [run = given.run, user](int count, const std::function<void(int)>& part) {
            const auto work = const_cast<std::function<void(int)>*>(&part);
            if (const std::int32_t result = run(user.get(), count, run_part, work); result != 0)
              throw CallbackFailed{
                  "executor.run", "executor.run: expected 0 from the caller's function, got " + std::to_string(result)};
          }};
}

}  // namespace

scorematch_status scorematch_engine_best(int32_t threads, scorematch_engine** engine) {
  return make_handle(engine, "engine", [&] { return Engine::best(threads); });
}
scorematch_status scorematch_engine_reference(scorematch_engine** engine) {
  return make_handle(engine, "engine", [] { return Engine::reference(); });
}
scorematch_status scorematch_engine_cpu(int32_t threads, scorematch_engine** engine) {
  return make_handle(engine, "engine", [&] { return Engine::cpu(threads); });
}
scorematch_status scorematch_engine_cpu_with(const scorematch_cpu_executor* executor, scorematch_engine** engine) {
  return make_handle(engine, "engine", [&] {
    return Engine::cpu(executor_of(sized(executor, "executor", sizeof(scorematch_cpu_executor))));
  });
}
scorematch_status scorematch_engine_cuda(int32_t device, scorematch_engine** engine) {
  return make_handle(engine, "engine", [&] { return Engine::cuda(device); });
}
scorematch_status scorematch_engine_kind(const scorematch_engine* engine, int32_t* kind) {
  return give(kind, "kind", [&] { return static_cast<int32_t>(need(engine, "engine").engine.kind()); });
}
scorematch_status scorematch_engine_description(const scorematch_engine* engine, const char** text) {
  return give(text, "text", [&] { return need(engine, "engine").description.c_str(); });
}
void scorematch_engine_destroy(scorematch_engine* engine) { delete engine; }

scorematch_status scorematch_buffer_create(const scorematch_engine* engine, size_t bytes, scorematch_buffer** buffer) {
  return make_handle(buffer, "buffer", [&] {
    check_bytes(bytes);
    return need(engine, "engine").engine.impl()->allocate(bytes, Content::zeros);
  });
}
scorematch_status scorematch_buffer_upload(const scorematch_engine* engine, const void* host, size_t bytes,
                                           scorematch_buffer** buffer) {
  return make_handle(buffer, "buffer", [&] {
    check_bytes(bytes);
    if (bytes > 0) need(static_cast<const char*>(host), "host", "memory");
    return upload(*need(engine, "engine").engine.impl(), host, bytes);
  });
}
scorematch_status scorematch_buffer_data(const scorematch_buffer* buffer, void** data) {
  return give(data, "data", [&] { return need(buffer, "buffer").memory.get(); });
}
void scorematch_buffer_destroy(scorematch_buffer* buffer) { delete buffer; }

scorematch_status scorematch_queue_create(const scorematch_engine* engine, size_t workspace_bytes, void* stream,
                                          scorematch_queue** queue) {
  return make_handle(queue, "queue", [&] {
    return owning(std::make_unique<Queue>(need(engine, "engine").engine, workspace_bytes, stream_of(stream)));
  });
}
scorematch_status scorematch_queue_create_in(const scorematch_engine* engine, void* workspace, size_t workspace_bytes,
                                             void* stream, scorematch_queue** queue) {
  return make_handle(queue, "queue", [&] {
    return owning(
        std::make_unique<Queue>(need(engine, "engine").engine, workspace, workspace_bytes, stream_of(stream)));
  });
}
void scorematch_queue_destroy(scorematch_queue* queue) {
  if (queue != nullptr && queue->owned) delete queue;
}

scorematch_status scorematch_queue_write(scorematch_queue* queue, const scorematch_view* to, const void* host,
                                         size_t bytes) {
  return guard([&] {
    Queue& line = need(queue, "queue").queue;
    check_host(need(to, "to", "a view"), host, bytes);
    const View view = output(*to);
    switch (view.dtype) {
      case DType::f32:
        return line.write(view, static_cast<const float*>(host));
      case DType::f64:
        return line.write(view, static_cast<const double*>(host));
      case DType::i64:
        return line.write(view, static_cast<const std::int64_t*>(host));
    }
  });
}
scorematch_status scorematch_queue_read(scorematch_queue* queue, const scorematch_view* from, void* host,
                                        size_t bytes) {
  return guard([&] {
    Queue& line = need(queue, "queue").queue;
    check_host(need(from, "from", "a view"), host, bytes);
    const ConstView view = input(*from);
    switch (view.dtype) {
      case DType::f32:
        return copy_to_host(line.read_f32(view), host);
      case DType::f64:
        return copy_to_host(line.read_f64(view), host);
      case DType::i64:
        return copy_to_host(line.read_i64(view), host);
    }
  });
}
scorematch_status scorematch_queue_read_estimate(scorematch_queue* queue, const scorematch_estimate* from,
                                                 scorematch_estimate* to) {
  return give(to, "to", [&] {
    Queue::Impl& line = need(queue, "queue").queue.impl();
    const Estimate* place = reinterpret_cast<const Estimate*>(&need(from, "from", "an estimate in engine memory"));
    line.engine->check_memory("from", place);
    scorematch_estimate host{};
    line.engine->copy_out(line, &host, place, sizeof host);
    return host;
  });
}
scorematch_status scorematch_queue_synchronize(scorematch_queue* queue) {
  return guard([&] { need(queue, "queue").queue.synchronize(); });
}
