// Libraries that the cuda engine opens at run time, and where they are looked for. The executor's tests replace these.
#include "cuda/runtime/library.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "cuda/runtime/cublas_lt.h"
#include "cuda/runtime/nccl.h"
#include "scorematch/error.h"

namespace scorematch::testing_support {
namespace {

TEST(Library, ThatIsNotInstalledIsNamed) {
  std::string reason;
  EXPECT_EQ(cuda::open_library("libscorematch_no_such.so.1", reason), nullptr);
  EXPECT_EQ(reason.rfind("libscorematch_no_such.so.1: cannot open", 0), 0u) << reason;
}

TEST(Library, HasFunctionsByTheirNames) {
  std::string reason;
  void* const library = cuda::open_library("libc.so.6", reason);
  ASSERT_NE(library, nullptr) << reason;
  EXPECT_NE(cuda::find_function(library, "getpid"), nullptr);
  EXPECT_EQ(cuda::find_function(library, "scorematch_no_such_function"), nullptr);
}

/// Others may write to the folder that a program is started in.
TEST(Library, OfTheCurrentFolderIsNotOpened) {
  ASSERT_EQ(::chdir(SCOREMATCH_LIBRARY_FOLDER), 0);
  const char* const name = "libscorematch_in_this_folder.so";
  ASSERT_TRUE(std::ifstream(name).good());
  std::string reason;
  EXPECT_EQ(cuda::open_library(name, reason), nullptr);
  EXPECT_NE(reason.find("No such file"), std::string::npos) << reason;
}

/// cuBLASLt is installed where this is built, with every function that the engine calls, whether or not there is a GPU.
TEST(Library, OfTheProductsIsComplete) {
  try {
    const cuda::CublasLt cublas{cuda::Device()};
  } catch (const Error& error) {  // without a GPU, at the first call of CUDA
    EXPECT_EQ(std::string(error.what()).rfind("querying the current device", 0), 0u) << error.what();
  }
}

/// So is NCCL, if it is installed. Without a GPU it can still be asked for its version and for the id of a group.
TEST(Library, OfTheRanksIsComplete) {
  std::string reason;
  if (cuda::open_library("libnccl.so.2", reason) == nullptr) GTEST_SKIP() << reason;
  const cuda::Nccl nccl;
  EXPECT_EQ(nccl.version().rfind("2.", 0), 0u) << nccl.version();
  EXPECT_EQ(nccl->begin_group(), cuda::Nccl::kSuccess);
  EXPECT_EQ(nccl->end_group(), cuda::Nccl::kSuccess);
  EXPECT_NE(std::string(nccl->error_string(5)), "");
  EXPECT_THROW(nccl.check(5, "adding"), Error);
}

}  // namespace
}  // namespace scorematch::testing_support
