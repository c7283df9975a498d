// The status, text and argument that each exception becomes in C, and the truncation of long texts.
#include "c/guard.h"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

#include "scorematch/error.h"

namespace scorematch::c {
namespace {

template <class Exception>
scorematch_status status_of(const Exception& exception) {
  return guard([&] { throw exception; });
}

TEST(Guard, EveryErrorCodeHasItsStatus) {
  const std::pair<ErrorCode, scorematch_status> pairs[] = {
      {ErrorCode::invalid_argument, SCOREMATCH_INVALID_ARGUMENT},
      {ErrorCode::unsupported, SCOREMATCH_UNSUPPORTED},
      {ErrorCode::out_of_memory, SCOREMATCH_OUT_OF_MEMORY},
      {ErrorCode::device_unavailable, SCOREMATCH_DEVICE_UNAVAILABLE},
      {ErrorCode::device_fault, SCOREMATCH_DEVICE_FAULT},
      {ErrorCode::io, SCOREMATCH_IO}};
  const char* const names[] = {"invalid_argument",   "unsupported",  "out_of_memory",
                               "device_unavailable", "device_fault", "io"};
  for (std::size_t i = 0; i < std::size(pairs); ++i) {
    EXPECT_EQ(status_of(Error(pairs[i].first, "eps", "eps: what happened")), pairs[i].second);
    EXPECT_STREQ(scorematch_last_error(), "eps: what happened");
    EXPECT_STREQ(scorematch_last_error_argument(), "eps");
    EXPECT_STREQ(scorematch_status_name(pairs[i].second), names[i]);
  }
}

TEST(Guard, OtherExceptionsDoNotPassEither) {
  EXPECT_EQ(status_of(std::bad_alloc()), SCOREMATCH_OUT_OF_MEMORY);
  EXPECT_STREQ(scorematch_last_error_argument(), "");
  EXPECT_EQ(status_of(CallbackFailed{"score", "score: no"}), SCOREMATCH_CALLBACK_FAILED);
  EXPECT_STREQ(scorematch_last_error(), "score: no");
  EXPECT_EQ(status_of(std::runtime_error("a fault")), SCOREMATCH_INTERNAL_ERROR);
  EXPECT_STREQ(scorematch_last_error(), "a fault");
  EXPECT_EQ(status_of(7), SCOREMATCH_INTERNAL_ERROR);
  EXPECT_STREQ(scorematch_status_name(SCOREMATCH_CALLBACK_FAILED), "callback_failed");
  EXPECT_STREQ(scorematch_status_name(SCOREMATCH_INTERNAL_ERROR), "internal_error");
  EXPECT_EQ(guard([] {}), SCOREMATCH_OK);
}

TEST(Guard, LongTextsAreCutBetweenCharacters) {
  std::string text(2046, 'x');
  status_of(Error(ErrorCode::io, std::string(500, 'a'), text + "\u00e9 and more"));  // one of the two bytes would fit
  EXPECT_EQ(scorematch_last_error(), text);
  EXPECT_EQ(scorematch_last_error_argument(), std::string(127, 'a'));
  text.resize(2047, 'x');
  status_of(Error(ErrorCode::io, "", text));
  EXPECT_EQ(scorematch_last_error(), text);
}

TEST(Guard, AHandleThatCannotBeMadeIsNull) {
  int storage = 0;
  int* handle = &storage;
  EXPECT_EQ(make_handle(&handle, "handle", []() -> int { throw std::bad_alloc(); }), SCOREMATCH_OUT_OF_MEMORY);
  EXPECT_EQ(handle, nullptr);
}

}  // namespace
}  // namespace scorematch::c
