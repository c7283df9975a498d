#include "c/guard.h"

#include <exception>
#include <new>

#include "checks/argument.h"
#include "scorematch/error.h"
#include "scorematch/version.h"

namespace scorematch::c {
namespace {

// Plain arrays, because the error may be a lack of memory.
struct LastError {
  char text[2048];
  char argument[128];
};
thread_local LastError last{};

/// Truncates at the start of a UTF-8 character.
template <std::size_t Size>
void copy(char (&to)[Size], const char* from) noexcept {
  std::size_t length = std::strlen(from);
  if (length >= Size)
    for (length = Size - 1; length > 0 && (static_cast<unsigned char>(from[length]) & 0xC0) == 0x80;) --length;
  std::memcpy(to, from, length);
  to[length] = '\0';
}

scorematch_status record(scorematch_status status, const char* argument, const char* text) noexcept {
  copy(last.argument, argument);
  copy(last.text, text);
  return status;
}

scorematch_status status_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument:
      return SCOREMATCH_INVALID_ARGUMENT;
    case ErrorCode::unsupported:
      return SCOREMATCH_UNSUPPORTED;
    case ErrorCode::out_of_memory:
      return SCOREMATCH_OUT_OF_MEMORY;
    case ErrorCode::device_unavailable:
      return SCOREMATCH_DEVICE_UNAVAILABLE;
    case ErrorCode::device_fault:
      return SCOREMATCH_DEVICE_FAULT;
    case ErrorCode::io:
      return SCOREMATCH_IO;
    case ErrorCode::cancelled:  // C callers cannot cancel
      break;
  }
  return SCOREMATCH_INTERNAL_ERROR;
}

const char* name_of(scorematch_status status) noexcept {
  switch (status) {
    case SCOREMATCH_OK:
      return "ok";
    case SCOREMATCH_INVALID_ARGUMENT:
      return "invalid_argument";
    case SCOREMATCH_UNSUPPORTED:
      return "unsupported";
    case SCOREMATCH_OUT_OF_MEMORY:
      return "out_of_memory";
    case SCOREMATCH_DEVICE_UNAVAILABLE:
      return "device_unavailable";
    case SCOREMATCH_DEVICE_FAULT:
      return "device_fault";
    case SCOREMATCH_IO:
      return "io";
    case SCOREMATCH_CALLBACK_FAILED:
      return "callback_failed";
    case SCOREMATCH_INTERNAL_ERROR:
      return "internal_error";
  }
  return "unknown";
}

}  // namespace

scorematch_status record_current_exception() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return record(status_of(error.code()), error.argument().c_str(), error.what());
  } catch (const CallbackFailed& failure) {
    return record(SCOREMATCH_CALLBACK_FAILED, failure.argument, failure.message.c_str());
  } catch (const std::bad_alloc&) {
    return record(SCOREMATCH_OUT_OF_MEMORY, "", "expected memory for the data of the call, got none");
  } catch (const std::exception& error) {
    return record(SCOREMATCH_INTERNAL_ERROR, "", error.what());
  } catch (...) {
    return record(SCOREMATCH_INTERNAL_ERROR, "", "an exception of an unknown type");
  }
}

const char* last_error() noexcept { return last.text; }
const char* last_error_argument() noexcept { return last.argument; }
void forget_last_error() noexcept { record(SCOREMATCH_OK, "", ""); }

void refuse_callback(const char* argument, std::int32_t result) {
  std::string message =
      std::string(argument) + ": expected 0 from the caller's function, got " + std::to_string(result);
  if (*last_error() != '\0') message += std::string(" after this error: ") + last_error();
  throw CallbackFailed{argument, message};
}

void refuse_null(const char* name, const char* expected) { throw_invalid(name, expected, "a null pointer"); }

void check_struct_size(const char* name, std::size_t size, std::size_t least, std::size_t most) {
  if (size < least || size > most || size % 8 != 0)
    throw_invalid(std::string(name) + ".struct_size",
                  "a multiple of 8 from " + std::to_string(least) + " to " + std::to_string(most) + " bytes",
                  std::to_string(size) + "; set it to sizeof the struct");
}

std::string need_text(const char* text, const char* name) {
  if (text == nullptr) refuse_null(name, "a string");
  return text;
}

}  // namespace scorematch::c

const char* scorematch_version(void) { return SCOREMATCH_VERSION; }
const char* scorematch_status_name(scorematch_status status) { return scorematch::c::name_of(status); }
const char* scorematch_last_error(void) { return scorematch::c::last_error(); }
const char* scorematch_last_error_argument(void) { return scorematch::c::last_error_argument(); }
