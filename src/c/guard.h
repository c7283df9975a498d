// No exception crosses the C interface: it becomes the status of the call and the thread's last error.
#pragma once
#include <cstddef>
#include <cstring>
#include <string>

#include "scorematch/scorematch_c_base.h"

namespace scorematch::c {

/// Records the exception that is being handled, and returns its status. Does not allocate.
scorematch_status record_current_exception() noexcept;
/// The thread's last error; empty strings if there was none.
const char* last_error() noexcept;
const char* last_error_argument() noexcept;
void forget_last_error() noexcept;

template <class Body>
scorematch_status guard(const Body& body) noexcept {
  try {
    body();
    return SCOREMATCH_OK;
  } catch (...) {
    return record_current_exception();
  }
}

/// A function of the caller returned a value other than 0.
struct CallbackFailed {
  const char* argument;
  std::string message;
};

/// @throws CallbackFailed with the function's result, and the library's message if a call of the library failed in it
[[noreturn]] void refuse_callback(const char* argument, std::int32_t result);
/// Runs a function of the caller. @throws CallbackFailed unless it returns 0
template <class Call>
void call_back(const char* argument, const Call& call) {
  forget_last_error();
  if (const std::int32_t result = call(); result != 0) refuse_callback(argument, result);
}

[[noreturn]] void refuse_null(const char* name, const char* expected);
void check_struct_size(const char* name, std::size_t size, std::size_t least, std::size_t most);

/// @throws Error for a null pointer
template <class T>
T& need(T* pointer, const char* name, const char* expected = "a handle") {
  if (pointer == nullptr) refuse_null(name, expected);
  return *pointer;
}
std::string need_text(const char* text, const char* name);
inline std::string optional_text(const char* text) { return text == nullptr ? "" : text; }

/// Copies a struct that begins with its size. Members of this version that the caller's struct does not have are zero.
/// @param least the bytes that every caller's struct has
template <class T>
T sized(const T* given, const char* name, std::size_t least) {
  check_struct_size(name, need(given, name, "a struct").struct_size, least, sizeof(T));
  T known{};
  std::memcpy(&known, given, given->struct_size);
  return known;
}

/// *out = new Handle{make()}, or NULL if that fails.
template <class Handle, class Make>
scorematch_status make_handle(Handle** out, const char* name, const Make& make) noexcept {
  return guard([&] {
    Handle*& handle = need(out, name, "the address of a handle");
    handle = nullptr;
    handle = new Handle{make()};
  });
}

/// *out = get()
template <class T, class Get>
scorematch_status give(T* out, const char* name, const Get& get) noexcept {
  return guard([&] { need(out, name, "the address of the result") = get(); });
}

}  // namespace scorematch::c
