// setp, which compares, and selp, which selects.
#include <algorithm>
#include <iterator>
#include <map>

#include "ptx/instructions/lanes.h"

namespace ptx {
namespace {

/// In the order of kNames. The "unordered" ones hold if an operand is a NaN.
enum Comparison {
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  equal_unordered,
  not_equal_unordered,
  less_unordered,
  less_equal_unordered,
  greater_unordered,
  greater_equal_unordered,
  numbers,
  not_numbers,
  comparisons,
};
constexpr const char* kNames[comparisons] = {"eq",  "ne",  "lt",  "le",  "gt",  "ge",  "equ",
                                             "neu", "ltu", "leu", "gtu", "geu", "num", "nan"};

template <class T>
bool compare(Comparison comparison, T a, T b) {
  switch (comparison) {
    case equal:
      return a == b;
    case not_equal:
      return !(a == b) && a == a && b == b;
    case less:
      return a < b;
    case less_equal:
      return a <= b;
    case greater:
      return a > b;
    case greater_equal:
      return a >= b;
    case equal_unordered:
      return !(a < b || a > b);
    case not_equal_unordered:
      return !(a == b);
    case less_unordered:
      return !(a >= b);
    case less_equal_unordered:
      return !(a > b);
    case greater_unordered:
      return !(a <= b);
    case greater_equal_unordered:
      return !(a < b);
    case numbers:
      return a == a && b == b;
    default:
      return a != a || b != b;
  }
}

// setp p[|q], a, b[, c]: operands p, a, b, q, c.
enum SetpFlag : u32 { kHasComplement = 1, kAnd = 2, kOr = 4, kXor = 8, kCombines = kAnd | kOr | kXor, kNegated = 16 };

u32 combine(u32 flags, u32 result, u32 with) {
  return flags & kAnd ? result & with : flags & kOr ? result | with : result ^ with;
}

template <class T, Comparison kComparison>
void set_predicates(Warp& warp, const Instruction& instruction, u32 active) {
  const Register* op = instruction.operand;
  const u32 flags = instruction.flags;
  const T* a = warp.values<T>(op[1]);
  const T* b = warp.values<T>(op[2]);
  u32 result = 0;
  for (int lane = 0; lane < kLanes; ++lane)
    result |= static_cast<u32>(compare<T>(kComparison, a[lane], b[lane])) << lane;
  u32 complement = ~result, undefined = warp.undefined(op[1]) | warp.undefined(op[2]);
  if (flags & kCombines) {
    const u32 with = warp.predicate(op[4]) ^ (flags & kNegated ? kFullWarp : 0);
    undefined |= warp.undefined(op[4]);
    result = combine(flags, result, with);
    complement = combine(flags, complement, with);
  }
  set_predicate(warp, op[0], active, result);
  set_undefined(warp, op[0], active, undefined);
  if (flags & kHasComplement) {
    set_predicate(warp, op[3], active, complement);
    set_undefined(warp, op[3], active, undefined);
  }
}

template <class T, std::size_t... kComparison>
Handler setp_handler(int comparison, std::index_sequence<kComparison...>) {
  static constexpr Handler kHandlers[] = {set_predicates<T, static_cast<Comparison>(kComparison)>...};
  return kHandlers[comparison];
}

template <class T>
Handler setp_handler(int comparison) {
  return setp_handler<T>(comparison, std::make_index_sequence<comparisons>());
}

Handler setp_handler(Type type, int comparison) {
  switch (type) {
    case Type::u16:
    case Type::b16:
      return setp_handler<u16>(comparison);
    case Type::s16:
      return setp_handler<s16>(comparison);
    case Type::u32:
    case Type::b32:
      return setp_handler<u32>(comparison);
    case Type::s32:
      return setp_handler<s32>(comparison);
    case Type::u64:
    case Type::b64:
      return setp_handler<u64>(comparison);
    case Type::s64:
      return setp_handler<s64>(comparison);
    case Type::f32:
      return setp_handler<float>(comparison);
    case Type::f64:
      return setp_handler<double>(comparison);
    default:
      return nullptr;
  }
}

/// The comparison with a name, or -1.
int take_comparison(Encoding& encoding) {
  static const std::map<std::string, Comparison> unsigned_names = {
      {"lo", less}, {"ls", less_equal}, {"hi", greater}, {"hs", greater_equal}};
  const std::string& name = encoding.parts().at(1);
  encoding.take(name.c_str());
  const auto unsigned_name = unsigned_names.find(name);
  if (unsigned_name != unsigned_names.end()) return unsigned_name->second;
  const auto found = std::find(std::begin(kNames), std::end(kNames), name);
  return found == std::end(kNames) ? -1 : static_cast<int>(found - std::begin(kNames));
}

bool decode_setp(Encoding& encoding) {
  if (encoding.parts().size() < 3) return false;
  Instruction& instruction = encoding.instruction;
  const int comparison = take_comparison(encoding);
  const int combination = encoding.take_one_of({"and", "or", "xor"});
  if (comparison < 0 || !encoding.complete()) return false;
  instruction.handler = setp_handler(encoding.type, comparison);
  if (instruction.handler == nullptr) return false;
  instruction.flags = combination < 0 ? 0 : static_cast<u32>(kAnd) << combination;
  encoding.expect_operands(combination < 0 ? 3 : 4);
  instruction.operand[0] = encoding.value(0, Type::pred);
  if (encoding.operands[0].has_second) {
    instruction.operand[3] = encoding.operands[0].second;
    instruction.flags |= kHasComplement;
  }
  instruction.operand[1] = encoding.value(1, encoding.type);
  instruction.operand[2] = encoding.value(2, encoding.type);
  if (combination >= 0) {
    instruction.operand[4] = encoding.value(3, Type::pred);
    if (encoding.operands[3].negated) instruction.flags |= kNegated;
  }
  return true;
}

/// d = p ? a : b; `flags` 1: p is negated. Only the selected source can make d undefined.
template <class T>
void select(Warp& warp, const Instruction& instruction, u32 active) {
  const Register* op = instruction.operand;
  T* d = warp.values<T>(op[0]);
  const T* a = warp.values<T>(op[1]);
  const T* b = warp.values<T>(op[2]);
  const u32 p = warp.predicate(op[3]) ^ (instruction.flags ? kFullWarp : 0);
  for_each_lane(active, [=](int lane) { d[lane] = (p >> lane & 1) != 0 ? a[lane] : b[lane]; });
  const u32 selected = (p & warp.undefined(op[1])) | (~p & warp.undefined(op[2]));
  set_undefined(warp, op[0], active, selected | warp.undefined(op[3]));
}

bool decode_selp(Encoding& encoding) {
  encoding.expect_operands(4);
  Instruction& instruction = encoding.instruction;
  const int bytes = size_of(encoding.type);
  instruction.handler = bytes == 2   ? select<u16>
                        : bytes == 4 ? select<u32>
                        : bytes == 8 ? select<u64>
                                     : Handler(nullptr);
  for (std::size_t i = 0; i < 3; ++i) instruction.operand[i] = encoding.value(i, encoding.type);
  instruction.operand[3] = encoding.value(3, Type::pred);
  instruction.flags = encoding.operands[3].negated;
  return instruction.handler != nullptr && encoding.complete();
}

}  // namespace

void add_comparisons(Table& table) {
  table.add("setp", decode_setp);
  table.add("selp", decode_selp);
}

}  // namespace ptx
