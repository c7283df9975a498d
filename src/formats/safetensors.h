// The safetensors format: 8 bytes of header length, a JSON header, then the tensors' bytes. Reading is strict: a file
// is refused unless its header accounts for every byte.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace scorematch {

struct Tensor {
  std::vector<std::int64_t> shape;
  std::variant<std::vector<float>, std::vector<double>> values;  // row-major

  std::int64_t count() const;
  bool is_double() const { return std::holds_alternative<std::vector<double>>(values); }
  std::vector<double> as_double() const;
  std::vector<float> as_float() const;  // float64 is rounded
};

struct SafetensorsFile {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// How F16 and BF16 are read. Widening to float32 is exact.
enum class Halves { refuse, widen };

/// @throws Error io with the file, the tensor or field, and what was expected and found
SafetensorsFile read_safetensors(const std::string& path, Halves halves = Halves::refuse);
/// Writes a new file and renames it into place. @throws Error io
void write_safetensors(const std::string& path, const SafetensorsFile& file);

std::string describe_shape(const std::vector<std::int64_t>& shape);

}  // namespace scorematch
