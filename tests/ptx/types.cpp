#include "ptx/types.h"

#include <map>

namespace ptx {

int size_of(Type type) {
  switch (type) {
    case Type::u8:
    case Type::s8:
    case Type::b8:
      return 1;
    case Type::u16:
    case Type::s16:
    case Type::b16:
    case Type::f16:
    case Type::bf16:
      return 2;
    case Type::u64:
    case Type::s64:
    case Type::b64:
    case Type::f64:
      return 8;
    case Type::pred:
    case Type::none:
      return 0;
    default:
      return 4;
  }
}

Type type_named(const std::string& name) {
  static const std::map<std::string, Type> all = {
      {"u8", Type::u8},   {"u16", Type::u16},   {"u32", Type::u32},   {"u64", Type::u64},       {"s8", Type::s8},
      {"s16", Type::s16}, {"s32", Type::s32},   {"s64", Type::s64},   {"b8", Type::b8},         {"b16", Type::b16},
      {"b32", Type::b32}, {"b64", Type::b64},   {"f16", Type::f16},   {"bf16", Type::bf16},     {"f32", Type::f32},
      {"f64", Type::f64}, {"pred", Type::pred}, {"tf32", Type::tf32}, {"bf16x2", Type::bf16x2}, {"f16x2", Type::f16x2},
  };
  const auto found = all.find(name);
  return found == all.end() ? Type::none : found->second;
}

}  // namespace ptx
