// Messages are files in a folder, whose name is the id. A group first waits for its streams and sends everything, then
// it receives, so it does what NCCL does on the stream before it returns.
#include "support/nccl.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace fs = std::filesystem;

struct ncclComm {
  fs::path folder;
  int rank, ranks, device;
  std::map<int, long> sent, received;  // messages, by the other rank
};

namespace {

constexpr auto kPatience = std::chrono::seconds(60);

struct Transfer {
  ncclComm* communicator;
  int other;
  const void* from;  // null: a message is received
  void* to;
  std::size_t bytes;
  cudaStream_t stream;
};

thread_local std::string last_error;
thread_local bool in_group = false;
thread_local std::vector<Transfer> group;

ncclResult_t refuse(ncclResult_t status, const std::string& why) {
  last_error = why;
  return status;
}

/// Whether this call is one that is to fail.
bool fails(const std::string& function) {
  const char* const asked = std::getenv("SCOREMATCH_NCCL_FAILS");
  if (asked == nullptr) return false;
  const std::string text = asked;
  const std::size_t colon = text.find(':');
  if (text.substr(0, colon) != function) return false;
  static std::mutex mutex;
  static std::map<std::string, long> calls;
  const std::lock_guard<std::mutex> guard(mutex);
  return ++calls[text] >= (colon == std::string::npos ? 1 : std::stol(text.substr(colon + 1)));
}

#define NCCL_CALL \
  if (fails(__func__)) return refuse(ncclSystemError, std::string(__func__) + " was made to fail")

/// Renamed when it is complete, so that a reader finds the whole file or none.
void write(const fs::path& path, const std::string& bytes) {
  const fs::path part = path.string() + ".part";
  std::ofstream(part, std::ios::binary) << bytes;
  fs::rename(part, path);
}

std::optional<std::string> wait_for(const fs::path& path) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!fs::exists(path)) {
    if (std::chrono::steady_clock::now() > end) return {};
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

fs::path message(const ncclComm& in, int from, int to, long number) {
  return in.folder / (std::to_string(from) + "-" + std::to_string(to) + "-" + std::to_string(number));
}

bool copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return cudaMemcpyAsync(to, from, bytes, kind, stream) == cudaSuccess && cudaStreamSynchronize(stream) == cudaSuccess;
}

ncclResult_t send(const Transfer& t) {
  std::string bytes(t.bytes, 0);
  if (!copy(bytes.data(), t.from, t.bytes, cudaMemcpyDeviceToHost, t.stream))
    return refuse(ncclUnhandledCudaError, "reading what is sent");
  write(message(*t.communicator, t.communicator->rank, t.other, t.communicator->sent[t.other]++), bytes);
  return ncclSuccess;
}

ncclResult_t receive(const Transfer& t) {
  const fs::path path = message(*t.communicator, t.other, t.communicator->rank, t.communicator->received[t.other]++);
  const std::optional<std::string> bytes = wait_for(path);
  if (!bytes) return refuse(ncclRemoteError, "rank " + std::to_string(t.other) + " sends nothing");
  fs::remove(path);
  if (bytes->size() != t.bytes) return refuse(ncclInvalidUsage, "a message has another size than is expected");
  if (!copy(t.to, bytes->data(), t.bytes, cudaMemcpyHostToDevice, t.stream))
    return refuse(ncclUnhandledCudaError, "writing what was received");
  return ncclSuccess;
}

/// Checks and notes one message of the group.
ncclResult_t add(const Transfer& t, ncclDataType_t type) {
  // Two ranks that send outside of a group would wait for each other.
  if (!in_group) return refuse(ncclInvalidUsage, "outside of a group");
  if (type != ncclFloat32 || t.bytes == 0) return refuse(ncclInvalidArgument, "not an array of float32");
  if (t.other < 0 || t.other >= t.communicator->ranks) return refuse(ncclInvalidArgument, "no such rank");
  cudaPointerAttributes found;
  const void* const last = static_cast<const char*>(t.from == nullptr ? t.to : t.from) + t.bytes - 1;
  if (cudaPointerGetAttributes(&found, last) != cudaSuccess || found.type != cudaMemoryTypeDevice ||
      found.device != t.communicator->device)
    return refuse(ncclInvalidArgument, "not memory of the rank's device");
  group.push_back(t);
  return ncclSuccess;
}

std::string uuid_of(int device) {
  cudaDeviceProp properties;
  if (cudaGetDeviceProperties(&properties, device) != cudaSuccess) return "";
  return std::string(properties.uuid.bytes, sizeof properties.uuid.bytes);
}

}  // namespace

extern "C" {

ncclResult_t ncclGetVersion(int* version) {
  NCCL_CALL;
  *version = 29900;
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t status) {
  return status == ncclSystemError ? "unhandled system error (run with NCCL_DEBUG=INFO for details)"
                                   : "another NCCL error";
}

const char* ncclGetLastError(ncclComm_t) { return last_error.c_str(); }

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  NCCL_CALL;
  const std::string folder = fs::temp_directory_path() / "scorematch-nccl-XXXXXX";
  *id = {};
  if (folder.size() >= sizeof id->internal) return refuse(ncclSystemError, "TMPDIR is too long");
  std::memcpy(id->internal, folder.data(), folder.size());
  return ::mkdtemp(id->internal) == nullptr ? refuse(ncclSystemError, "no folder") : ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t* communicator, int ranks, ncclUniqueId id, int rank) {
  NCCL_CALL;
  int device = 0;
  if (cudaGetDevice(&device) != cudaSuccess) return refuse(ncclUnhandledCudaError, "no current device");
  const fs::path folder = id.internal;
  const auto card = [&](int of) { return folder / ("rank-" + std::to_string(of)); };
  if (!fs::is_directory(folder) || rank < 0 || rank >= ranks || fs::exists(card(rank)))
    return refuse(ncclInvalidArgument, "not a rank of the group");
  write(card(rank), uuid_of(device));
  for (int other = 0; other < ranks; ++other) {
    const std::optional<std::string> uuid = wait_for(card(other));
    if (!uuid) return refuse(ncclRemoteError, "rank " + std::to_string(other) + " does not come");
    if (other != rank && *uuid == uuid_of(device)) return refuse(ncclInvalidUsage, "Duplicate GPU detected");
  }
  *communicator = new ncclComm{folder, rank, ranks, device, {}, {}};
  return ncclSuccess;
}

/// The last rank removes the folder.
ncclResult_t ncclCommDestroy(ncclComm_t communicator) {
  const fs::path folder = communicator->folder;
  write(folder / ("left-" + std::to_string(communicator->rank)), "");
  int left = 0;
  for (int rank = 0; rank < communicator->ranks; ++rank) left += fs::exists(folder / ("left-" + std::to_string(rank)));
  std::error_code ignored;
  if (left == communicator->ranks) fs::remove_all(folder, ignored);
  delete communicator;
  return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t communicator) {
  std::error_code ignored;
  fs::remove_all(communicator->folder, ignored);
  delete communicator;
  return ncclSuccess;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t, ncclResult_t* status) {
  *status = fails(__func__) ? refuse(ncclRemoteError, "a connection was lost") : ncclSuccess;
  return ncclSuccess;
}

ncclResult_t ncclGroupStart() {
  NCCL_CALL;
  in_group = true;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  in_group = false;
  const std::vector<Transfer> all = std::move(group);
  group.clear();
  NCCL_CALL;
  for (const bool sends : {true, false})
    for (const Transfer& each : all) {
      if ((each.from != nullptr) != sends) continue;
      if (const ncclResult_t status = sends ? send(each) : receive(each); status != ncclSuccess) return status;
    }
  return ncclSuccess;
}

ncclResult_t ncclSend(const void* from, std::size_t count, ncclDataType_t type, int to, ncclComm_t communicator,
                      cudaStream_t stream) {
  NCCL_CALL;
  return add({communicator, to, from, nullptr, count * sizeof(float), stream}, type);
}

ncclResult_t ncclRecv(void* to, std::size_t count, ncclDataType_t type, int from, ncclComm_t communicator,
                      cudaStream_t stream) {
  NCCL_CALL;
  return add({communicator, from, nullptr, to, count * sizeof(float), stream}, type);
}
}
