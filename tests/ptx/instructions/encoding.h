// A decoder's view of an instruction: its opcode, split into parts, and its operands.
#pragma once
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

#include "ptx/parse/symbols.h"

namespace ptx {

/// The opcode "ld.global.v4.f32" has the mnemonic "ld", the modifiers "global" and "v4", and the type f32.
class Encoding {
 public:
  Encoding(Instruction& instruction_, Symbols& symbols_, const std::string& opcode_, std::vector<Operand> operands_);

  Instruction& instruction;
  Symbols& symbols;
  const std::string opcode;
  const std::vector<Operand> operands;
  std::string mnemonic;
  Type type = Type::none;

  /// Whether the opcode has a modifier. If so, the modifier counts as recognized.
  bool take(const char* modifier);
  /// The index of the first of these modifiers that the opcode has, or -1.
  int take_one_of(std::initializer_list<const char*> modifiers);
  /// Whether all modifiers have been recognized.
  bool complete() const;
  /// Throws unless there are `count` operands.
  void expect_operands(std::size_t count) const;
  /// The location of an operand that is read or written as a type.
  Register value(std::size_t index, Type as) const { return symbols.value(operands.at(index), as); }
  /// The location of an operand that must be a register of any width.
  Register destination(std::size_t index) const;
  /// Sets the address of a memory instruction in its space.
  void set_address(const Operand& operand);
  const std::vector<std::string>& parts() const { return parts_; }

 private:
  std::vector<std::string> parts_;  // of the opcode, the mnemonic first
  std::vector<bool> recognized_;
};

[[noreturn]] inline void reject(const std::string& why) { throw std::runtime_error(why); }

}  // namespace ptx
