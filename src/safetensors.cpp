#include "safetensors.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "atomic_file.h"
#include "scorematch/error.h"

namespace scorematch {
namespace {

using Json = nlohmann::json;
constexpr std::uint64_t kMaxHeader = 100'000'000;  // bytes, the format's own limit

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw Error(ErrorCode::io, path, path + ": " + what);
}

/// The whole file, never more than it has.
std::string read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) fail(path, "cannot be opened for reading");
  const std::streamoff size = in.tellg();
  if (size < 0) fail(path, "expected a regular file");
  std::string bytes(static_cast<std::size_t>(size), '\0');
  in.seekg(0);
  if (!in.read(bytes.data(), size)) fail(path, "expected " + std::to_string(size) + " bytes, reading failed");
  return bytes;
}

/// JSON allows a key twice and keeps one; here that would hide a tensor.
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
    fail(path, std::string("header: expected JSON, ") + error.what());
  }
}

struct Range {
  std::uint64_t begin, end;
  std::string name;
};

std::uint64_t unsigned_number(const std::string& path, const std::string& field, const Json& value) {
  if (!value.is_number_unsigned()) fail(path, field + ": expected a whole number >= 0, got " + value.dump());
  return value.get<std::uint64_t>();
}

template <class T>
std::vector<T> copy_values(const char* from, std::uint64_t bytes) {
  std::vector<T> values(static_cast<std::size_t>(bytes / sizeof(T)));
  if (bytes > 0) std::memcpy(values.data(), from, static_cast<std::size_t>(bytes));
  return values;
}

Tensor read_tensor(const std::string& path, const std::string& name, const Json& entry, const char* data,
                   std::uint64_t data_bytes, std::vector<Range>& ranges) {
  const std::string field = "tensor '" + name + "'";
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") || !entry.contains("shape") ||
      !entry.contains("data_offsets"))
    fail(path, field + ": expected an object of dtype, shape and data_offsets, got " + entry.dump().substr(0, 200));
  const Json &dtype = entry["dtype"], &shape = entry["shape"], &offsets = entry["data_offsets"];
  if (dtype != "F32" && dtype != "F64") fail(path, field + ": dtype: expected F32 or F64, got " + dtype.dump());
  if (!shape.is_array() || shape.size() > 8)
    fail(path, field + ": shape: expected at most 8 extents, got " + shape.dump().substr(0, 200));
  Tensor tensor;
  std::uint64_t bytes = dtype == "F32" ? 4 : 8;
  for (const Json& extent : shape) {
    const std::uint64_t each = unsigned_number(path, field + ": shape", extent);
    if (each > static_cast<std::uint64_t>(INT64_MAX) || __builtin_mul_overflow(bytes, each, &bytes))
      fail(path, field + ": shape: expected a size below 2^64 bytes, got " + shape.dump());
    tensor.shape.push_back(static_cast<std::int64_t>(each));
  }
  if (!offsets.is_array() || offsets.size() != 2)
    fail(path, field + ": data_offsets: expected two numbers, got " + offsets.dump().substr(0, 200));
  const std::uint64_t begin = unsigned_number(path, field + ": data_offsets", offsets[0]);
  const std::uint64_t end = unsigned_number(path, field + ": data_offsets", offsets[1]);
  if (begin > end || end > data_bytes)
    fail(path, field + ": data_offsets: expected within the " + std::to_string(data_bytes) + " bytes there are, got " +
                   offsets.dump());
  if (end - begin != bytes)
    fail(path, field + ": expected " + std::to_string(bytes) + " bytes for shape " + shape.dump() + ", got " +
                   std::to_string(end - begin));
  ranges.push_back({begin, end, name});
  if (dtype == "F32")
    tensor.values = copy_values<float>(data + begin, bytes);
  else
    tensor.values = copy_values<double>(data + begin, bytes);
  return tensor;
}

void check_ranges(const std::string& path, std::vector<Range> ranges, std::uint64_t data_bytes) {
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
  std::uint64_t reached = 0;
  for (const Range& each : ranges) {
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

SafetensorsFile read_safetensors(const std::string& path) {
  const std::string bytes = read_bytes(path);
  std::uint64_t header_bytes = 0;
  if (bytes.size() < 8) fail(path, "expected at least 8 bytes, got " + std::to_string(bytes.size()));
  std::memcpy(&header_bytes, bytes.data(), 8);
  if (header_bytes > kMaxHeader || header_bytes > bytes.size() - 8)
    fail(path, "header length: expected at most " +
                   std::to_string(std::min<std::uint64_t>(kMaxHeader, bytes.size() - 8)) + ", got " +
                   std::to_string(header_bytes));
  const char* data = bytes.data() + 8 + header_bytes;
  const std::uint64_t data_bytes = bytes.size() - 8 - header_bytes;
  const Json header = parse_header(path, bytes.data() + 8, data);
  if (!header.is_object()) fail(path, "header: expected an object, got " + std::string(header.type_name()));

  SafetensorsFile file;
  std::vector<Range> ranges;
  for (const auto& [name, entry] : header.items()) {
    if (name != "__metadata__") {
      file.tensors[name] = read_tensor(path, name, entry, data, data_bytes, ranges);
      continue;
    }
    if (!entry.is_object()) fail(path, "__metadata__: expected an object, got " + std::string(entry.type_name()));
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string())
        fail(path, "__metadata__ '" + key + "': expected a string, got " + std::string(value.type_name()));
      file.metadata[key] = value.get<std::string>();
    }
  }
  check_ranges(path, std::move(ranges), data_bytes);
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
    fail(path, std::string("metadata: expected UTF-8 text, ") + error.what());
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');  // tensors aligned to 8 bytes
  const std::uint64_t header_bytes = text.size();
  AtomicFile out(path);
  out.write(&header_bytes, 8);
  out.write(text.data(), text.size());
  for (const auto& [name, tensor] : file.tensors)
    std::visit([&](const auto& values) { out.write(values.data(), values.size() * sizeof(values[0])); }, tensor.values);
  out.commit();
}

}  // namespace scorematch
