#include "ptx/parse/symbols.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <stdexcept>

#include "ptx/parse/declaration.h"

namespace ptx {
namespace {

constexpr u32 kLanes = 32;

u32 file_bytes(u8 bytes) { return bytes == 0 ? 4 : kLanes * bytes; }  // a predicate is a mask of lanes
u32 mask_count(u8 bytes) { return bytes == 8 ? 2 : 1; }

const std::map<std::string, SpecialRegister>& special_names() {
  using S = SpecialRegister;
  static const std::map<std::string, S> all = {
      {"%tid.x", S::tid_x},
      {"%tid.y", S::tid_y},
      {"%tid.z", S::tid_z},
      {"%ntid.x", S::ntid_x},
      {"%ntid.y", S::ntid_y},
      {"%ntid.z", S::ntid_z},
      {"%ctaid.x", S::ctaid_x},
      {"%ctaid.y", S::ctaid_y},
      {"%ctaid.z", S::ctaid_z},
      {"%nctaid.x", S::nctaid_x},
      {"%nctaid.y", S::nctaid_y},
      {"%nctaid.z", S::nctaid_z},
      {"%laneid", S::laneid},
      {"%warpid", S::warpid},
      {"%lanemask_eq", S::lanemask_eq},
      {"%lanemask_lt", S::lanemask_lt},
      {"%lanemask_le", S::lanemask_le},
      {"%lanemask_gt", S::lanemask_gt},
      {"%lanemask_ge", S::lanemask_ge},
      {"%smid", S::smid},
      {"%nsmid", S::nsmid},
      {"%dynamic_smem_size", S::dynamic_smem_size},
      {"%total_smem_size", S::total_smem_size},
  };
  return all;
}

/// The bits of a float immediate as an f32 or f64.
u64 convert_float(const Operand& operand, Type type) {
  if (type == Type::f32 && !operand.is_single) {
    double wide;
    std::memcpy(&wide, &operand.bits, sizeof wide);
    const float narrow = static_cast<float>(wide);
    u32 bits;
    std::memcpy(&bits, &narrow, sizeof bits);
    return bits;
  }
  if (type == Type::f64 && operand.is_single) {
    const u32 bits = static_cast<u32>(operand.bits);
    float narrow;
    std::memcpy(&narrow, &bits, sizeof narrow);
    const double wide = static_cast<double>(narrow);
    u64 wide_bits;
    std::memcpy(&wide_bits, &wide, sizeof wide_bits);
    return wide_bits;
  }
  return operand.bits;
}

}  // namespace

Register Symbols::new_register(u8 bytes, u32 count) {
  if (bytes != 0) program_.file_bytes = round_up<u32>(program_.file_bytes, 64);
  const Register first{program_.file_bytes, program_.ids, bytes == 8};
  program_.file_bytes += file_bytes(bytes) * count;
  program_.ids += mask_count(bytes) * count;
  return first;
}

void Symbols::declare_register(const std::string& name, u8 bytes) {
  scopes_.back().registers[name] = {new_register(bytes), 1, bytes};
}

void Symbols::declare_registers(const std::string& prefix, u8 bytes, u32 count) {
  scopes_.back().prefixes[prefix] = {new_register(bytes, count), count, bytes};
}

void Symbols::declare_variable(const Variable& variable, Space space) {
  scopes_.back().variables[variable.name] = {space, variable.offset};
}

u32 Symbols::place_shared(const Variable& variable) {
  const u32 address = round_up<u32>(kSharedStart + program_.static_shared, variable.align);
  program_.static_shared = address + static_cast<u32>(variable.size) - kSharedStart;
  return address;
}

u32 Symbols::place_in_frame(u64 bytes, u32 align) {
  const u32 offset = round_up<u32>(program_.frame_bytes, align);
  program_.frame_bytes = offset + static_cast<u32>(bytes);
  return offset;
}

void Symbols::set_register(Operand& operand, const Declared& declared, u32 index) {
  operand.kind = Operand::reg;
  operand.bytes = declared.bytes;
  operand.op = declared.first;
  operand.op.offset += index * file_bytes(declared.bytes);
  operand.op.id += index * mask_count(declared.bytes);
}

bool Symbols::find_register(const std::string& name, Operand& operand) const {
  std::size_t digits = name.size();
  while (digits > 0 && std::isdigit(static_cast<unsigned char>(name[digits - 1])) != 0) --digits;
  const std::string prefix = name.substr(0, digits);
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    const auto single = scope->registers.find(name);
    if (single != scope->registers.end()) return set_register(operand, single->second, 0), true;
    const auto range = scope->prefixes.find(prefix);
    if (range == scope->prefixes.end() || digits == name.size()) continue;
    const u32 index = static_cast<u32>(std::atoi(name.c_str() + digits));
    if (index < range->second.count) return set_register(operand, range->second, index), true;
  }
  return false;
}

bool Symbols::find_symbol(const std::string& name, Operand& operand) {
  const auto found = [&operand](Space space, u64 offset) {
    operand.kind = Operand::symbol;
    operand.resolved = true;
    operand.symbol_space = space;
    operand.offset = static_cast<s64>(offset);
    return true;
  };
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    const auto local = scope->variables.find(name);
    if (local != scope->variables.end()) return found(local->second.first, local->second.second);
  }
  for (const auto* variables : {&module_.globals, &module_.constants}) {
    const auto global = variables->find(name);
    if (global != variables->end()) return found(kGlobal, global->second.offset);
  }
  const auto external = module_.external_shared.find(name);
  if (external != module_.external_shared.end()) {
    program_.dynamic_align = std::max(program_.dynamic_align, external->second.align);
    uses_dynamic_shared_ = true;
    return found(kShared, dynamic_start_);
  }
  const auto shared = module_.shared.find(name);
  if (shared == module_.shared.end()) return false;
  if (shared_addresses_.count(name) == 0) shared_addresses_[name] = place_shared(shared->second);
  return found(kShared, shared_addresses_[name]);
}

Register Symbols::special(const std::string& name) {
  const auto known = special_names().find(name);
  if (known == special_names().end()) throw std::runtime_error("unknown register " + name);
  const auto found = specials_.find(name);
  if (found != specials_.end()) return found->second;
  const Register op = new_register(4);
  specials_[name] = op;
  program_.specials.push_back({op, known->second});
  return op;
}

Register Symbols::constant(int bytes, u64 bits) {
  if (bytes > 0 && bytes < 8) bits &= (u64{1} << (8 * bytes)) - 1;
  const auto key = std::make_pair(bytes, bits);
  const auto found = constants_.find(key);
  if (found != constants_.end()) return found->second;
  const Register op = new_register(static_cast<u8>(bytes));
  constants_[key] = op;
  program_.constants.push_back({op, bytes, bits});
  return op;
}

Register Symbols::value(const Operand& operand, Type type) {
  const int bytes = size_of(type);
  switch (operand.kind) {
    case Operand::reg:
      if (operand.bytes != bytes)
        throw std::runtime_error("expected a register of " + std::to_string(bytes) + " bytes, got " + operand.text +
                                 " of " + std::to_string(operand.bytes));
      return operand.op;
    case Operand::immediate:
      if (type == Type::pred) return constant(0, operand.bits != 0 ? 0xFFFFFFFFu : 0);
      if (operand.is_float) return constant(bytes, convert_float(operand, type));
      if (ptx::is_float(type)) throw std::runtime_error("expected a float, got the integer " + operand.text);
      return constant(bytes, operand.bits);
    case Operand::symbol:
      if (!operand.resolved) throw std::runtime_error("unknown symbol " + operand.text);
      return constant(bytes, static_cast<u64>(operand.offset));
    default:
      throw std::runtime_error("expected a value, got " + operand.text);
  }
}

}  // namespace ptx
