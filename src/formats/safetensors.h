// The safetensors format: 8 bytes of header length, a JSON header, then the tensors' bytes. Strict on reading: what
// does not hold together to the last byte is refused.
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
  std::vector<float> as_float() const;  // rounded where the file holds float64
};

struct SafetensorsFile {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// What is done with F16 and BF16, whose every value float32 has.
enum class Halves { refuse, widen };

/// @throws Error io naming the file, the tensor or field, what was found and what was needed
SafetensorsFile read_safetensors(const std::string& path, Halves halves = Halves::refuse);
/// Written to a new file and renamed. @throws Error io
void write_safetensors(const std::string& path, const SafetensorsFile& file);

std::string describe_shape(const std::vector<std::int64_t>& shape);

}  // namespace scorematch
