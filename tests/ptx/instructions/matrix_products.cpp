// mma.m16n8: d = a b + c. The fragments are distributed over the lanes according to the section "Matrix Fragments for
// mma" of the PTX ISA. A lane has the group lane / 4 and the index lane % 4 in its group.
#include "ptx/instructions/float_bits.h"
#include "ptx/instructions/lanes.h"
#include "ptx/instructions/matrix.h"

namespace ptx {
namespace {

float bf16_half(u32 pair, int half) { return float_of((pair >> (16 * half) & 0xFFFF) << 16); }

/// A row of a, or a column of b. One undefined element makes all sums that use it undefined.
template <int kDepth>
struct Vector {
  float elements[kDepth];
  bool undefined = false;
};

template <int kDepth>
struct Factors {
  Vector<kDepth> a[16], b[8];
};

/// Loads element i of a lane's fragment, from bf16 pairs or from tf32 values.
template <bool kBf16>
struct Fragment {
  const Register* registers;
  static constexpr int kPerRegister = kBf16 ? 2 : 1;

  template <int kDepth>
  void load(Warp& warp, int lane, int i, Vector<kDepth>& vector, int k) const {
    const Register op = registers[i / kPerRegister];
    const u32 bits = warp.values<u32>(op)[lane];
    vector.elements[k] = kBf16 ? bf16_half(bits, i & 1) : float_of(bits & kTf32Bits);
    vector.undefined = vector.undefined || (warp.undefined(op) >> lane & 1) != 0;
  }
};

/// bf16: a lane holds adjacent pairs in rows `group` and `group` + 8 and, if kDepth is 16, also 8 columns further.
template <int kDepth>
void load_bf16(Warp& warp, const Register* a, const Register* b, Factors<kDepth>& factors) {
  const Fragment<true> fragment_a{a}, fragment_b{b};
  for (int lane = 0; lane < kLanes; ++lane) {
    const int group = lane / 4, pair = 2 * (lane % 4);
    for (int i = 0; i < kDepth / 2; ++i) {
      const int row = i % 4 < 2 ? group : group + 8;
      fragment_a.load(warp, lane, i, factors.a[row], pair + (i & 1) + (i < 4 ? 0 : 8));
    }
    for (int i = 0; i < kDepth / 4; ++i)
      fragment_b.load(warp, lane, i, factors.b[group], pair + (i & 1) + (i < 2 ? 0 : 8));
  }
}

/// tf32: a lane holds single elements in rows `group` and `group` + 8 and, if kDepth is 8, also 4 columns further.
template <int kDepth>
void load_tf32(Warp& warp, const Register* a, const Register* b, Factors<kDepth>& factors) {
  const Fragment<false> fragment_a{a}, fragment_b{b};
  for (int lane = 0; lane < kLanes; ++lane) {
    const int group = lane / 4, index = lane % 4;
    for (int i = 0; i < kDepth / 2; ++i) {
      const int row = i % 2 == 0 ? group : group + 8;
      fragment_a.load(warp, lane, i, factors.a[row], index + (i < 2 ? 0 : 4));
    }
    for (int i = 0; i < kDepth / 4; ++i) fragment_b.load(warp, lane, i, factors.b[group], index + 4 * i);
  }
}

/// Operands 0 to 3 are d, a pair in row `group` and one in row `group` + 8.
template <int kDepth>
void multiply(Warp& warp, const Instruction& instruction, const Factors<kDepth>& factors, const Register* c) {
  for (int lane = 0; lane < kLanes; ++lane) {
    const int group = lane / 4, pair = 2 * (lane % 4);
    float sums[4];
    bool undefined[4];
    for (int i = 0; i < 4; ++i) {  // all of c is read before d, which may be the same registers in another order
      const Vector<kDepth>& row = factors.a[i < 2 ? group : group + 8];
      const Vector<kDepth>& column = factors.b[pair + (i & 1)];
      sums[i] = dot<kDepth>(row.elements, column.elements, warp.values<float>(c[i])[lane]);
      undefined[i] = row.undefined || column.undefined || (warp.undefined(c[i]) >> lane & 1) != 0;
    }
    for (int i = 0; i < 4; ++i) {
      warp.values<float>(instruction.operand[i])[lane] = sums[i];
      set_undefined(warp, instruction.operand[i], 1u << lane, undefined[i] ? kFullWarp : 0);
    }
  }
}

/// The number of registers of a fragment of a; b has half as many.
template <int kDepth, bool kBf16>
constexpr int kRegistersOfA = kDepth / (kBf16 ? 4 : 2);

template <int kDepth, bool kBf16>
void multiply_matrices(Warp& warp, const Instruction& instruction, u32 active) {
  require_full_warp(warp, instruction, active);
  constexpr int kCountA = kRegistersOfA<kDepth, kBf16>;
  const Register* a = instruction.operand + 4;
  const Register* b = a + kCountA;
  const Register* c = b + kCountA / 2;
  Factors<kDepth> factors;
  if constexpr (kBf16)
    load_bf16(warp, a, b, factors);
  else
    load_tf32(warp, a, b, factors);
  multiply(warp, instruction, factors, c);
}

template <int kDepth, bool kBf16>
bool decode_product(Encoding& encoding) {
  constexpr std::size_t kCountA = kRegistersOfA<kDepth, kBf16>;
  constexpr std::size_t kCounts[] = {4, kCountA, kCountA / 2, 4};  // d, a, b, c
  encoding.expect_operands(4);
  Instruction& instruction = encoding.instruction;
  std::size_t next = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    const std::vector<Operand>& parts = encoding.operands[k].parts;
    if (parts.size() != kCounts[k])
      reject("expected " + std::to_string(kCounts[k]) + " registers, got " + std::to_string(parts.size()));
    const Type type = k == 0 || k == 3 ? Type::f32 : Type::b32;
    for (const Operand& each : parts) instruction.operand[next++] = encoding.symbols.value(each, type);
  }
  instruction.flow = kConverged;
  instruction.handler = multiply_matrices<kDepth, kBf16>;
  return true;
}

}  // namespace

void add_matrix_products(Table& table) {
  table.add("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", decode_product<16, true>);
  table.add("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32", decode_product<8, true>);
  table.add("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", decode_product<8, false>);
  table.add("mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32", decode_product<4, false>);
}

}  // namespace ptx
