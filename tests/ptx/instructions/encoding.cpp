#include "ptx/instructions/encoding.h"

#include <algorithm>

namespace ptx {

Encoding::Encoding(Instruction& instruction_, Symbols& symbols_, const std::string& opcode_,
                   std::vector<Operand> operands_)
    : instruction(instruction_), symbols(symbols_), opcode(opcode_), operands(std::move(operands_)) {
  for (std::size_t begin = 0; begin <= opcode.size();) {
    const std::size_t end = std::min(opcode.find('.', begin), opcode.size());
    parts_.push_back(opcode.substr(begin, end - begin));
    begin = end + 1;
  }
  mnemonic = parts_[0];
  if (parts_.size() > 1) type = type_named(parts_.back());
  recognized_.assign(parts_.size(), false);
  recognized_[0] = true;
  if (type != Type::none) recognized_.back() = true;
}

bool Encoding::take(const char* modifier) {
  const auto found = std::find(parts_.begin() + 1, parts_.end(), modifier);
  if (found == parts_.end()) return false;
  recognized_[static_cast<std::size_t>(found - parts_.begin())] = true;
  return true;
}

int Encoding::take_one_of(std::initializer_list<const char*> modifiers) {
  int index = 0;
  for (const char* each : modifiers) {
    if (take(each)) return index;
    ++index;
  }
  return -1;
}

bool Encoding::complete() const {
  return std::find(recognized_.begin(), recognized_.end(), false) == recognized_.end();
}

void Encoding::expect_operands(std::size_t count) const {
  if (operands.size() != count)
    reject("expected " + std::to_string(count) + " operands, got " + std::to_string(operands.size()));
}

Register Encoding::destination(std::size_t index) const {
  const Operand& operand = operands.at(index);
  if (operand.kind != Operand::reg) reject("expected a register, got " + operand.text);
  return operand.op;
}

void Encoding::set_address(const Operand& operand) {
  if (operand.kind != Operand::address) reject("expected an address, got " + operand.text);
  if (operand.has_base && operand.bytes != 8 && operand.bytes != 4)
    reject("an address register of " + std::to_string(operand.bytes) + " bytes");
  if (operand.has_base && operand.bytes == 4 && (instruction.space == kGlobal || instruction.space == kGeneric))
    reject("a 32-bit address of global memory");
  instruction.address = {operand.op, operand.offset, operand.bytes, operand.has_base};
}

}  // namespace ptx
