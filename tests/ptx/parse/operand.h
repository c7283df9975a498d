// An operand as it is written in PTX.
#pragma once
#include <string>
#include <vector>

#include "ptx/program.h"

namespace ptx {

class Lexer;
class Symbols;

struct Operand {
  enum Kind { reg, immediate, address, vector, symbol, sink } kind = sink;
  std::string text;
  bool negated = false;  // !p

  // A register, or the base of an address.
  Register op;
  u8 bytes = 0;     // 0: a predicate
  Register second;  // q of p|q
  bool has_second = false;

  // An immediate. `bits` are those of a float if is_single, of a double if only is_float, else of an integer.
  u64 bits = 0;
  bool is_float = false, is_single = false;

  // An address or a symbol.
  bool has_base = false;  // a register
  bool of_symbol = false;
  bool resolved = false;  // false: a label or a function
  Space symbol_space = kGeneric;
  s64 offset = 0;

  std::vector<Operand> parts;  // of a vector
};

Operand parse_operand(Lexer& lexer, Symbols& symbols);

}  // namespace ptx
