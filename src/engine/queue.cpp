#include "scorematch/queue.h"

#include <cstring>
#include <utility>

#include "checks/argument.h"
#include "checks/layout.h"
#include "engine/backend.h"

namespace scorematch {
namespace {

std::unique_ptr<Queue::Impl> make(const Engine& engine, std::size_t bytes, CUstream_st* stream) {
  engine.impl()->check_stream(stream);
  auto impl = std::make_unique<Queue::Impl>();
  impl->engine = engine.impl();
  impl->workspace_bytes = bytes;
  impl->stream = stream;
  return impl;
}

template <class T>
std::vector<T> read_dense(Queue::Impl& queue, const ConstView& from) {
  if (from.shape.count() > 0 && from.empty()) throw_invalid("from", "memory to read from", "nothing");
  check_layout("from", from);
  const auto columns = static_cast<std::size_t>(from.shape.rank == 0 ? 0 : from.shape.extent[from.shape.rank - 1]);
  std::vector<T> host(static_cast<std::size_t>(from.shape.count()));
  const auto* base = static_cast<const T*>(from.data);
  T* to = host.data();
  const auto axis = [&](int i) { return i < 0 ? 1 : from.shape.extent[i]; };
  const auto stride = [&](int i) { return i < 0 ? 0 : from.stride[i]; };
  const int rank = from.shape.rank;
  if (host.empty()) return host;
  for (std::int64_t i = 0; i < axis(rank - 3); ++i)
    for (std::int64_t j = 0; j < axis(rank - 2); ++j, to += columns)
      queue.engine->copy_out(queue, to, base + i * stride(rank - 3) + j * stride(rank - 2), columns * sizeof(T));
  return host;
}

void check_dense(const View& to, DType dtype) {
  if (to.empty() || to.dtype != dtype) throw_invalid("to", describe(dtype) + " memory", describe(ConstView(to)));
  to.shape.count();  // @throws Error for an invalid rank or extent
  check_layout("to", to);
  std::int64_t stride = 1;
  for (int axis = to.shape.rank - 1; axis >= 0; stride *= to.shape.extent[axis--])
    if (to.stride[axis] != stride)
      throw_invalid("to", "a dense view", "a stride of " + std::to_string(to.stride[axis]));
}

template <class T>
void write_dense(Queue::Impl& queue, const View& to, const T* host, DType dtype) {
  check_dense(to, dtype);
  if (host == nullptr) throw_invalid("host", "memory to copy from", "nothing");
  queue.engine->copy_in(queue, to.data, host, static_cast<std::size_t>(to.shape.count()) * sizeof(T));
}

}  // namespace

void Queue::Impl::check(const std::shared_ptr<Engine::Impl>& wanted, std::size_t bytes) const {
  if (engine != wanted)
    throw_invalid("queue", "a queue of the same engine (" + wanted->description() + ")",
                  "one of another engine (" + engine->description() + ")");
  if (workspace_bytes < bytes)
    throw_invalid("queue.workspace_bytes", "at least " + std::to_string(bytes), std::to_string(workspace_bytes));
}

Queue::Queue(const Engine& engine, std::size_t workspace_bytes, CUstream_st* stream)
    : impl_(make(engine, workspace_bytes, stream)) {
  impl_->owned = engine.impl()->allocate(workspace_bytes, Content::anything);
  impl_->workspace = static_cast<char*>(impl_->owned.get());
}

Queue::Queue(const Engine& engine, void* workspace, std::size_t workspace_bytes, CUstream_st* stream)
    : impl_(make(engine, workspace_bytes, stream)) {
  if (workspace == nullptr && workspace_bytes > 0)
    throw_invalid("workspace", std::to_string(workspace_bytes) + " bytes of memory", "nothing");
  if (reinterpret_cast<std::uintptr_t>(workspace) % 256 != 0)
    throw_invalid("workspace", "an address that is a multiple of 256",
                  std::to_string(reinterpret_cast<std::uintptr_t>(workspace) % 256) + " bytes past a multiple");
  if (workspace_bytes > 0) engine.impl()->check_memory("workspace", workspace);
  impl_->workspace = static_cast<char*>(workspace);
}

Queue::Queue(Queue&&) noexcept = default;
Queue& Queue::operator=(Queue&&) noexcept = default;
Queue::~Queue() = default;

Queue::Impl& Queue::impl() const {
  if (impl_ == nullptr) throw_invalid("queue", "a queue", "one that has been moved from");
  return *impl_;
}

void Queue::write(View to, const float* host) { write_dense(impl(), to, host, DType::f32); }
void Queue::write(View to, const double* host) { write_dense(impl(), to, host, DType::f64); }
void Queue::write(View to, const std::int64_t* host) { write_dense(impl(), to, host, DType::i64); }

std::vector<float> Queue::read_f32(ConstView from) {
  if (from.dtype != DType::f32) throw_invalid("from", "float32 memory", describe(from));
  return read_dense<float>(impl(), from);
}

std::vector<double> Queue::read_f64(ConstView from) {
  if (from.dtype != DType::f64) throw_invalid("from", "float64 memory", describe(from));
  return read_dense<double>(impl(), from);
}

std::vector<std::int64_t> Queue::read_i64(ConstView from) {
  if (from.dtype != DType::i64) throw_invalid("from", "int64 memory", describe(from));
  return read_dense<std::int64_t>(impl(), from);
}

void Queue::copy_out(void* host, const void* from, std::size_t bytes) {
  if (host == nullptr && bytes > 0) throw_invalid("host", "memory to copy to", "nothing");
  impl().engine->copy_out(impl(), host, from, bytes);
}

void Queue::synchronize() { impl().engine->synchronize(impl()); }

CUstream_st* Queue::stream() const { return impl().stream; }

}  // namespace scorematch
