// Decoded kernels: what the parser produces and the interpreter runs.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ptx/types.h"

namespace ptx {

constexpr u32 kSharedStart = 1024;  // bytes of a block's shared memory that sm_90 reserves

/// A register in a warp's register file.
struct Register {
  u32 offset = 0;  // bytes from the start of the file
  u32 id = 0;      // index of its mask of uninitialized lanes
  u32 wide = 0;    // 1: 8 bytes, whose upper half has the mask id + 1
};

struct Warp;
struct Instruction;
/// Executes an instruction for the active lanes.
using Handler = void (*)(Warp&, const Instruction&, u32 active);

/// How an instruction moves the program counter, or which lanes it needs.
enum Flow : u8 { kNext, kBranch, kExit, kBlockBarrier, kCall, kConverged };

struct Address {
  Register base;
  s64 offset = 0;
  u8 base_bytes = 0;
  bool has_base = false;
};

/// The allocation that an instruction accessed last; avoids most searches.
struct CachedAllocation {
  u64 base = 0, size = 0, generation = ~u64{0};
  u8* shadow = nullptr;
};

constexpr s8 kAllLanes = -1;  // for Instruction::members: an .aligned instruction

struct Instruction {
  Handler handler = nullptr;
  Flow flow = kNext;
  bool guarded = false, guard_negated = false;
  bool uniform = false;      // bra.uni
  bool sign_extend = false;  // ld into a wider register
  Space space = kGeneric;
  s8 members = kAllLanes;         // of kConverged: the operand that holds the member mask
  u8 element_bytes = 0;           // in memory
  u8 vector = 1;                  // elements per lane
  u8 register_bytes[2] = {0, 0};  // destination and source, where they differ from the type
  u32 flags = 0;                  // defined next to each handler
  u32 target = 0;                 // an index into the code; of bar.sync: the number of threads
  u32 line = 0;                   // in the PTX
  u32 file = 0, source_line = 0;  // from .loc
  s64 immediate = 0;
  Register guard;
  Register operand[14];
  Address address, source;  // of memory instructions; `source` only of cp.async
  mutable CachedAllocation cache;
  const char* name = "";
};

struct Variable {
  std::string name;
  u32 align = 1;
  u32 element_bytes = 1;
  u64 size = 0;    // bytes
  u64 offset = 0;  // in its space, or the address of a global
};

struct Function {
  std::string name;
  bool entry = false, declared_only = false;
  std::vector<Variable> params, returns;
  u64 param_bytes = 0;
  std::size_t begin = 0, end = 0;  // of the body, in the module's text
  u32 line = 0;
  u32 maxntid[3] = {0, 0, 0}, reqntid[3] = {0, 0, 0}, minnctapersm = 0;
};

enum class SpecialRegister {
  tid_x,
  tid_y,
  tid_z,
  ntid_x,
  ntid_y,
  ntid_z,
  ctaid_x,
  ctaid_y,
  ctaid_z,
  nctaid_x,
  nctaid_y,
  nctaid_z,
  laneid,
  warpid,
  lanemask_eq,
  lanemask_lt,
  lanemask_le,
  lanemask_gt,
  lanemask_ge,
  smid,
  nsmid,
  dynamic_smem_size,
  total_smem_size,
};

struct SpecialOperand {
  Register op;
  SpecialRegister which;
};

struct Constant {
  Register op;
  int bytes = 0;  // 0: a predicate
  u64 bits = 0;
};

/// A kernel ready to run.
struct Program {
  const Function* function = nullptr;
  std::vector<Instruction> code;
  u32 file_bytes = 0, ids = 0;  // registers of a warp
  std::vector<Constant> constants;
  std::vector<SpecialOperand> specials;
  u32 frame_bytes = 0;  // per lane: local memory and parameters of calls
  u32 static_shared = 0, dynamic_align = 16;
  /// Where dynamic shared memory starts.
  u32 dynamic_start() const {
    return (kSharedStart + static_shared + dynamic_align - 1) / dynamic_align * dynamic_align;
  }
  std::vector<std::unique_ptr<std::string>> names;  // opcodes that instructions point to
};

}  // namespace ptx
