#include "ptx/runtime/instruction_class.h"

#include <algorithm>
#include <cstdlib>

namespace ptx::runtime {
namespace {

std::size_t index_of(const char* name) {
  const auto found = std::find_if(kInstructionClasses.begin(), kInstructionClasses.end(),
                                  [&](const std::string& each) { return each == name; });
  if (found == kInstructionClasses.end()) std::abort();
  return static_cast<std::size_t>(found - kInstructionClasses.begin());
}

class Name {
 public:
  explicit Name(const std::string& name) : text_("." + name + ".") {}
  /// Whether these modifiers are among its own.
  bool has(const std::string& modifiers) const { return text_.find("." + modifiers + ".") != std::string::npos; }
  template <class... Names>
  bool is_any(const Names&... bases) const {
    return (... || (text_.rfind("." + std::string(bases) + ".", 0) == 0));
  }

 private:
  std::string text_;
};

const char* class_of(const Name& name) {
  if (name.is_any("mma", "ldmatrix")) return name.is_any("mma") ? "mma" : "ldmatrix";
  if (name.is_any("cp") && name.has("async")) return "cp.async";
  if (name.is_any("bar", "barrier", "membar", "fence", "shfl", "vote", "activemask", "redux")) return "barrier";
  if (name.is_any("bra", "brx", "ret", "exit", "call", "trap")) return "control";
  if (name.is_any("ld", "ldu", "st", "atom", "red")) {
    const bool loads = name.is_any("ld", "ldu");
    if (name.has("shared")) return loads ? "ld.shared" : "st.shared";
    if (name.has("local")) return "local";
    if (name.has("param")) return "integer";
    return loads ? "ld.global" : "st.global";
  }
  if (name.is_any("cvt")) return "convert";
  if (name.has("f64")) return "float64";
  if (name.has("approx") || name.has("approx.ftz")) return "special";
  if (name.has("f32") && !name.is_any("mov", "selp")) return "float32";
  return "integer";
}

}  // namespace

std::size_t class_of_instruction(const std::string& name) { return index_of(class_of(Name(name))); }

}  // namespace ptx::runtime
