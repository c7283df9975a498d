#include "formats/safetensors.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "formats/atomic_file.h"
#include "formats/file_kind.h"
#include "scorematch/error.h"

namespace scorematch {
namespace {

using Json = nlohmann::json;
constexpr std::uint64_t kMaxHeader = 100'000'000;  // bytes, the limit of the format

/// Shortens the message, because a hostile header may have names and numbers of any length.
[[noreturn]] void fail(const std::string& path, const std::string& what) {
  constexpr std::size_t kLongest = 400;
  throw Error(ErrorCode::io, path, path + ": " + (what.size() > kLongest ? what.substr(0, kLongest) + " ..." : what));
}

/// Reads the whole file.
std::string read_bytes(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored))
    fail(path, "expected a regular file, got something else");
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) fail(path, std::string("cannot be opened for reading: ") + std::strerror(errno));
  const std::streamoff size = in.tellg();
  if (size < 0) fail(path, "its size cannot be determined");
  std::string bytes(static_cast<std::size_t>(size), '\0');
  in.seekg(0);
  if (!in.read(bytes.data(), size)) fail(path, "expected " + std::to_string(size) + " bytes, reading failed");
  return bytes;
}

/// Refuses duplicate keys: the JSON parser would drop one of them, which would hide a tensor.
Json parse_header(const std::string& path, const char* begin, const char* end) {
  std::vector<std::set<std::string>> keys;
  const auto refuse_twins = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > 8) fail(path, "header: expected at most 8 levels of nesting, got more");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      fail(path, "header: expected every name once, got '" + parsed.get<std::string>() + "' twice");
    return true;
  };
  try {
    return Json::parse(begin, end, refuse_twins);
  } catch (const Json::exception& error) {
    fail(path, std::string("header: expected JSON, got other text: ") + error.what());
  }
}

enum class Type { f16, bf16, f32, f64 };

struct TypeName {
  const char* name;
  Type type;
  std::uint64_t bytes;
};
constexpr TypeName kTypes[] = {
    {"F32", Type::f32, 4}, {"F64", Type::f64, 8}, {"F16", Type::f16, 2}, {"BF16", Type::bf16, 2}};

/// The header's entry of one tensor.
struct Entry {
  std::string name;
  Type type;
  std::vector<std::int64_t> shape;
  std::uint64_t begin, end;  // bytes of the data
};

/// The beginning of a value, for a message.
std::string excerpt(const Json& value) { return value.dump().substr(0, 200); }

std::uint64_t unsigned_number(const std::string& path, const std::string& field, const Json& value) {
  if (!value.is_number_unsigned()) fail(path, field + ": expected a whole number >= 0, got " + excerpt(value));
  return value.get<std::uint64_t>();
}

template <class T>
std::vector<T> copy_values(const char* from, std::uint64_t bytes) {
  std::vector<T> values(static_cast<std::size_t>(bytes / sizeof(T)));
  if (bytes > 0) std::memcpy(values.data(), from, static_cast<std::size_t>(bytes));
  return values;
}

const TypeName& read_type(const std::string& path, const std::string& field, const Json& dtype, Halves halves) {
  const std::size_t known = halves == Halves::widen ? 4 : 2;
  for (std::size_t i = 0; i < known; ++i)
    if (dtype == kTypes[i].name) return kTypes[i];
  fail(path,
       field + ": dtype: expected F32" + (known == 4 ? ", F64, F16 or BF16" : " or F64") + ", got " + excerpt(dtype));
}

/// IEEE 754 binary16: five bits of exponent, ten of fraction.
float widen_f16(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const float size = exponent == 31  ? (fraction == 0 ? std::numeric_limits<float>::infinity()
                                                      : std::numeric_limits<float>::quiet_NaN())
                     : exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                     : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
  return (bits & 0x8000) != 0 ? -size : size;
}

/// bfloat16 is the upper half of a float32.
float widen_bf16(std::uint16_t bits) {
  const std::uint32_t wide = std::uint32_t{bits} << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

Entry read_entry(const std::string& path, const std::string& name, const Json& json, std::uint64_t data_bytes,
                 Halves halves) {
  const std::string field = "tensor '" + name + "'";
  if (!json.is_object() || json.size() != 3 || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets"))
    fail(path, field + ": expected an object of dtype, shape and data_offsets, got " + excerpt(json));
  const Json &dtype = json["dtype"], &shape = json["shape"], &offsets = json["data_offsets"];
  const TypeName& type = read_type(path, field, dtype, halves);
  if (!shape.is_array() || shape.size() > 8)
    fail(path, field + ": shape: expected at most 8 extents, got " + excerpt(shape));
  Entry entry{name, type.type, {}, 0, 0};
  std::uint64_t bytes = type.bytes;
  for (const Json& extent : shape) {
    const std::uint64_t each = unsigned_number(path, field + ": shape", extent);
    if (each > static_cast<std::uint64_t>(INT64_MAX) || __builtin_mul_overflow(bytes, each, &bytes))
      fail(path, field + ": shape: expected a size below 2^64 bytes, got " + excerpt(shape));
    entry.shape.push_back(static_cast<std::int64_t>(each));
  }
  if (!offsets.is_array() || offsets.size() != 2)
    fail(path, field + ": data_offsets: expected two numbers, got " + excerpt(offsets));
  entry.begin = unsigned_number(path, field + ": data_offsets", offsets[0]);
  entry.end = unsigned_number(path, field + ": data_offsets", offsets[1]);
  if (entry.begin > entry.end || entry.end > data_bytes)
    fail(path, field + ": data_offsets: expected offsets within " + std::to_string(data_bytes) +
                   " bytes of data, got " + excerpt(offsets));
  if (entry.end - entry.begin != bytes)
    fail(path, field + ": expected " + std::to_string(bytes) + " bytes for shape " + excerpt(shape) + ", got " +
                   std::to_string(entry.end - entry.begin));
  return entry;
}

Tensor read_tensor(const Entry& entry, const char* data) {
  const std::uint64_t bytes = entry.end - entry.begin;
  if (entry.type == Type::f64) return {entry.shape, copy_values<double>(data + entry.begin, bytes)};
  if (entry.type == Type::f16 || entry.type == Type::bf16) {
    std::vector<float> wide;
    for (const std::uint16_t each : copy_values<std::uint16_t>(data + entry.begin, bytes))
      wide.push_back(entry.type == Type::f16 ? widen_f16(each) : widen_bf16(each));
    return {entry.shape, std::move(wide)};
  }
  return {entry.shape, copy_values<float>(data + entry.begin, bytes)};
}

/// Checks that every byte belongs to exactly one tensor. This precedes all copies, because overlapping tensors could
/// request any amount of memory.
void check_ranges(const std::string& path, std::vector<Entry>& entries, std::uint64_t data_bytes) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
  std::uint64_t reached = 0;
  for (const Entry& each : entries) {
    if (each.begin != reached)
      fail(path, "tensor '" + each.name + "': expected to begin at byte " + std::to_string(reached) + ", got " +
                     std::to_string(each.begin));
    reached = each.end;
  }
  if (reached != data_bytes)
    fail(path, "expected " + std::to_string(reached) + " bytes of tensors, got " + std::to_string(data_bytes));
}

}  // namespace

std::int64_t Tensor::count() const {
  return std::visit([](const auto& v) { return static_cast<std::int64_t>(v.size()); }, values);
}

std::vector<double> Tensor::as_double() const {
  return std::visit([](const auto& v) { return std::vector<double>(v.begin(), v.end()); }, values);
}

std::vector<float> Tensor::as_float() const {
  if (!is_double()) return std::get<0>(values);
  std::vector<float> rounded;
  for (const double each : std::get<1>(values)) rounded.push_back(static_cast<float>(each));
  return rounded;
}

std::string describe_shape(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t each : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(each);
  return text + "]";
}

SafetensorsFile read_safetensors(const std::string& path, Halves halves) {
  const std::string bytes = read_bytes(path);
  std::uint64_t header_bytes = 0;
  const std::string kind = file_kind(std::string_view(bytes).substr(0, kFileKindBytes));
  if (!kind.empty() && kind != "a safetensors file") fail(path, "expected a safetensors file, got " + kind);
  if (bytes.size() < 8)
    fail(path, "expected a safetensors file of at least 8 bytes, got " + std::to_string(bytes.size()));
  std::memcpy(&header_bytes, bytes.data(), 8);
  if (header_bytes > kMaxHeader || header_bytes > bytes.size() - 8)
    fail(path, "not a safetensors file, or one that has been cut off: header length: expected at most " +
                   std::to_string(std::min<std::uint64_t>(kMaxHeader, bytes.size() - 8)) + ", got " +
                   std::to_string(header_bytes));
  const char* data = bytes.data() + 8 + header_bytes;
  const std::uint64_t data_bytes = bytes.size() - 8 - header_bytes;
  const Json header = parse_header(path, bytes.data() + 8, data);
  if (!header.is_object()) fail(path, "header: expected an object, got " + std::string(header.type_name()));

  SafetensorsFile file;
  std::vector<Entry> entries;
  for (const auto& [name, entry] : header.items()) {
    if (name != "__metadata__") {
      entries.push_back(read_entry(path, name, entry, data_bytes, halves));
      continue;
    }
    if (!entry.is_object()) fail(path, "__metadata__: expected an object, got " + std::string(entry.type_name()));
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string())
        fail(path, "__metadata__ '" + key + "': expected a string, got " + std::string(value.type_name()));
      file.metadata[key] = value.get<std::string>();
    }
  }
  check_ranges(path, entries, data_bytes);
  for (const Entry& each : entries) file.tensors[each.name] = read_tensor(each, data);
  return file;
}

void write_safetensors(const std::string& path, const SafetensorsFile& file) {
  Json header = Json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : file.tensors) {
    const std::uint64_t bytes = static_cast<std::uint64_t>(tensor.count()) * (tensor.is_double() ? 8 : 4);
    header[name] = {{"dtype", tensor.is_double() ? "F64" : "F32"},
                    {"shape", tensor.shape},
                    {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception& error) {  // metadata that is not UTF-8
    fail(path, std::string("metadata: expected UTF-8 text, got other bytes: ") + error.what());
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');  // tensors aligned to 8 bytes
  const std::uint64_t header_bytes = text.size();
  if (header_bytes > kMaxHeader)
    fail(path,
         "header: expected at most " + std::to_string(kMaxHeader) + " bytes, got " + std::to_string(header_bytes));
  AtomicFile out(path);
  out.write(&header_bytes, 8);
  out.write(text.data(), text.size());
  for (const auto& [name, tensor] : file.tensors)
    std::visit([&](const auto& values) { out.write(values.data(), values.size() * sizeof(values[0])); }, tensor.values);
  out.commit();
}

}  // namespace scorematch
