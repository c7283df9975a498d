#include "ptx/parse/operand.h"

#include <cstdlib>
#include <cstring>

#include "ptx/parse/lexer.h"
#include "ptx/parse/symbols.h"

namespace ptx {
namespace {

Operand parse_vector(Lexer& lexer, Symbols& symbols) {
  Operand vector;
  vector.kind = Operand::vector;
  while (!lexer.take("}")) {
    vector.parts.push_back(parse_operand(lexer, symbols));
    lexer.take(",");
  }
  return vector;
}

Operand parse_address(Lexer& lexer, Symbols& symbols) {
  const Operand base = parse_operand(lexer, symbols);
  Operand address;
  address.kind = Operand::address;
  address.text = base.text;
  if (base.kind == Operand::reg) {
    address.has_base = true;
    address.op = base.op;
    address.bytes = base.bytes;
  } else if (base.kind == Operand::immediate) {
    address.offset = static_cast<s64>(base.bits);
  } else {
    address.of_symbol = base.kind == Operand::symbol;
    address.resolved = base.resolved;
    address.symbol_space = base.symbol_space;
    address.offset = base.offset;
  }
  while (!lexer.take("]")) {
    if (lexer.take("+")) continue;
    if (lexer.at_end()) syntax_error(lexer.line(), "an address without its end");
    address.offset += static_cast<s64>(lexer.integer());
  }
  return address;
}

Operand parse_immediate(const std::string& text) {
  Operand immediate;
  immediate.kind = Operand::immediate;
  immediate.text = text;
  const char prefix = text.size() > 1 && text[0] == '0' ? text[1] : '\0';
  const bool single = text.size() == 10 && (prefix == 'f' || prefix == 'F');
  const bool twice = text.size() == 18 && (prefix == 'd' || prefix == 'D');
  if (single || twice) {
    immediate.is_float = true;
    immediate.is_single = single;
    immediate.bits = std::strtoull(text.c_str() + 2, nullptr, 16);
  } else if (text.find('.') != std::string::npos) {
    immediate.is_float = true;
    const double value = std::atof(text.c_str());
    std::memcpy(&immediate.bits, &value, sizeof value);
  } else {
    immediate.bits = parse_integer(text);
  }
  return immediate;
}

Operand parse_name(Lexer& lexer, Symbols& symbols) {
  Operand operand;
  operand.text = lexer.word();
  if (operand.text == "_") return operand;
  if (symbols.find_register(operand.text, operand)) {
    if (lexer.take("|")) {
      const Operand second = parse_operand(lexer, symbols);
      operand.has_second = second.kind == Operand::reg;
      operand.second = second.op;
    }
    return operand;
  }
  if (symbols.find_symbol(operand.text, operand)) return operand;
  if (operand.text[0] == '%') {
    operand.kind = Operand::reg;
    operand.op = symbols.special(operand.text);
    operand.bytes = 4;
    return operand;
  }
  operand.kind = Operand::symbol;
  return operand;
}

}  // namespace

Operand parse_operand(Lexer& lexer, Symbols& symbols) {
  if (lexer.take("{")) return parse_vector(lexer, symbols);
  if (lexer.take("[")) return parse_address(lexer, symbols);
  if (lexer.take("!")) {
    Operand operand = parse_operand(lexer, symbols);
    operand.negated = true;
    return operand;
  }
  if (lexer.take("-")) {
    Operand operand = parse_operand(lexer, symbols);
    operand.bits = 0 - operand.bits;
    return operand;
  }
  if (lexer.current().kind == Token::number) return parse_immediate(lexer.word());
  if (lexer.current().kind != Token::word)
    syntax_error(lexer.line(), "expected an operand, got " + lexer.current().text);
  return parse_name(lexer, symbols);
}

}  // namespace ptx
