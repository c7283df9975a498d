#include "cuda/runtime/nccl.h"

#include "cuda/runtime/library.h"
#include "cuda/runtime/status.h"
#include "scorematch/error.h"

namespace scorematch::cuda {
namespace {

constexpr char kLibrary[] = "libnccl.so.2";

[[noreturn]] void unavailable(const std::string& expected, const std::string& got) {
  throw Error(ErrorCode::device_unavailable, "engine",
              "engine: expected " + expected + ", got " + got +
                  "; install NCCL 2.13 or later, or start the program with its folder in LD_LIBRARY_PATH");
}

template <class Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(find_function(library, name));
  if (function == nullptr) unavailable(std::string(kLibrary) + " with " + name, "one without it");
}

Nccl::Functions open() {
  std::string reason;
  void* const library = open_library(kLibrary, reason);
  if (library == nullptr) unavailable(kLibrary, "none (" + reason + ")");
  Nccl::Functions found;
  find(library, "ncclGetVersion", found.version);
  find(library, "ncclGetErrorString", found.error_string);
  find(library, "ncclGetLastError", found.last_error);
  find(library, "ncclGetUniqueId", found.make_id);
  find(library, "ncclCommInitRank", found.join);
  find(library, "ncclCommDestroy", found.leave);
  find(library, "ncclCommAbort", found.abort);
  find(library, "ncclCommGetAsyncError", found.late_error);
  find(library, "ncclGroupStart", found.begin_group);
  find(library, "ncclGroupEnd", found.end_group);
  find(library, "ncclSend", found.send);
  find(library, "ncclRecv", found.receive);
  return found;
}

}  // namespace

Nccl::Nccl() : functions_(open()) {}

std::string Nccl::version() const {
  int number = 0;
  check(functions_.version(&number), "querying the version of NCCL");
  return std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." + std::to_string(number % 100);
}

void Nccl::check(Status status, const char* doing) const {
  if (status == kSuccess) return;
  const std::string last = functions_.last_error(nullptr);
  fail(ErrorCode::device_fault, doing, functions_.error_string(status), last.empty() ? "no more is known" : last);
}

}  // namespace scorematch::cuda
