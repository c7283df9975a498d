#include "cuda/runtime/nccl.h"

#include "cuda/runtime/required_library.h"
#include "cuda/runtime/status.h"

namespace scorematch::cuda {
namespace {

Nccl::Functions open() {
  const RequiredLibrary library("libnccl.so.2", "engine",
                                "install NCCL 2.13 or later, or start the program with its folder in LD_LIBRARY_PATH");
  Nccl::Functions found;
  library.find("ncclGetVersion", found.version);
  library.find("ncclGetErrorString", found.error_string);
  library.find("ncclGetLastError", found.last_error);
  library.find("ncclGetUniqueId", found.make_id);
  library.find("ncclCommInitRank", found.join);
  library.find("ncclCommDestroy", found.leave);
  library.find("ncclCommAbort", found.abort);
  library.find("ncclCommGetAsyncError", found.late_error);
  library.find("ncclGroupStart", found.begin_group);
  library.find("ncclGroupEnd", found.end_group);
  library.find("ncclSend", found.send);
  library.find("ncclRecv", found.receive);
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
