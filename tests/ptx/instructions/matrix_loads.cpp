// ldmatrix: 8 x 8 matrices of 16-bit elements from shared memory.
#include "ptx/execution/memory.h"
#include "ptx/instructions/lanes.h"
#include "ptx/instructions/matrix.h"

namespace ptx {
namespace {

constexpr u32 kRowBytes = 16;

/// Lane 8 k + i holds the address of row i of matrix k.
template <int kMatrices, bool kTransposed>
void load_matrices(Warp& warp, const Instruction& instruction, u32 active) {
  require_full_warp(warp, instruction, active);
  constexpr u32 kAddressLanes = kMatrices == 4 ? kFullWarp : (1u << (8 * kMatrices)) - 1;
  check_address_initialized(warp, instruction, kAddressLanes);
  u16 elements[kMatrices][8][8];
  bool undefined[kMatrices][8][8];
  for (int lane = 0; lane < 8 * kMatrices; ++lane) {
    const u64 address = address_in(warp, instruction.address, lane);
    if (address % kRowBytes != 0)
      fault(warp, instruction, lane, "ldmatrix: a row at " + std::to_string(address) + ", not a multiple of 16");
    const Place place = resolve(warp, instruction, lane, address, kRowBytes, instruction.space, kRead);
    std::memcpy(elements[lane / 8][lane % 8], place.bytes, kRowBytes);
    for (int column = 0; column < 8; ++column)
      undefined[lane / 8][lane % 8][column] = !is_initialized(place.shadow + 2 * column, 2);
  }
  for (int k = 0; k < kMatrices; ++k) {
    u32* d = warp.values<u32>(instruction.operand[k]);
    u32 undefined_lanes = 0;
    for (int lane = 0; lane < kLanes; ++lane) {
      const int row = lane / 4, column = 2 * (lane % 4);  // of the lower half; the upper half is the next column
      const auto at = [=](const auto& matrix, int j) { return kTransposed ? matrix[j][row] : matrix[row][j]; };
      d[lane] = static_cast<u32>(at(elements[k], column + 1)) << 16 | at(elements[k], column);
      const bool any = at(undefined[k], column) || at(undefined[k], column + 1);
      undefined_lanes |= static_cast<u32>(any) << lane;
    }
    warp.uninitialized[instruction.operand[k].id] = undefined_lanes;
    if (undefined_lanes != 0) report_origin(warp, instruction, undefined_lanes);
  }
}

template <bool kTransposed>
Handler load_handler(int matrices) {
  return matrices == 1   ? load_matrices<1, kTransposed>
         : matrices == 2 ? load_matrices<2, kTransposed>
                         : load_matrices<4, kTransposed>;
}

/// ldmatrix.sync.aligned.m8n8.x4{.trans}.shared.b16 {d0, ...}, [address];
bool decode_matrix_load(Encoding& encoding) {
  constexpr int kCounts[] = {1, 2, 4};
  Instruction& instruction = encoding.instruction;
  if (!encoding.take("sync") || !encoding.take("aligned") || !encoding.take("m8n8") || encoding.type != Type::b16)
    return false;
  const int which = encoding.take_one_of({"x1", "x2", "x4"});
  const bool transposed = encoding.take("trans");
  instruction.space = encoding.take("shared") ? kShared : kGeneric;
  if (which < 0 || !encoding.complete()) return false;
  encoding.expect_operands(2);
  const std::vector<Operand>& destinations = encoding.operands[0].parts;
  const std::size_t matrices = static_cast<std::size_t>(kCounts[which]);
  if (destinations.size() != matrices)
    reject("expected " + std::to_string(matrices) + " registers, got " + std::to_string(destinations.size()));
  for (std::size_t i = 0; i < matrices; ++i)
    instruction.operand[i] = encoding.symbols.value(destinations[i], Type::b32);
  encoding.set_address(encoding.operands[1]);
  instruction.flow = kConverged;
  instruction.handler = transposed ? load_handler<true>(kCounts[which]) : load_handler<false>(kCounts[which]);
  return true;
}

}  // namespace

void add_matrix_loads(Table& table) { table.add("ldmatrix", decode_matrix_load); }

}  // namespace ptx
