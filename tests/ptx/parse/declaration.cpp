#include "ptx/parse/declaration.h"

#include <cstdlib>
#include <stdexcept>

namespace ptx {

u32 bytes_of_type(const std::string& type) {
  return type == ".pred" ? 0 : static_cast<u32>(std::atoi(type.c_str() + 2)) / 8;
}

Variable parse_variable(Lexer& lexer) {
  Variable variable;
  u32 align = 0;
  while (lexer.current().text[0] == '.') {
    const std::string word = lexer.word();
    if (word == ".ptr" || word == ".global" || word == ".const" || word == ".shared" || word == ".local") continue;
    if (word == ".align") {
      align = static_cast<u32>(lexer.integer());
    } else if (word == ".attribute") {
      lexer.skip_past(")");
    } else if (word == ".v2" || word == ".v4") {
      throw std::runtime_error("vector variables are not supported");
    } else {
      variable.element_bytes = bytes_of_type(word);
    }
  }
  variable.name = lexer.word();
  variable.size = variable.element_bytes;
  if (lexer.take("[")) {
    variable.size = lexer.is("]") ? 0 : lexer.integer() * variable.element_bytes;
    lexer.expect("]");
  }
  variable.align = align != 0 ? align : variable.element_bytes;
  return variable;
}

std::vector<Variable> parse_parameters(Lexer& lexer) {
  std::vector<Variable> all;
  if (!lexer.take("(")) return all;
  while (!lexer.take(")")) {
    lexer.expect(".param");
    all.push_back(parse_variable(lexer));
    lexer.take(",");
  }
  return all;
}

u64 lay_out(std::vector<Variable>& variables) {
  u64 end = 0;
  for (Variable& each : variables) {
    each.offset = round_up<u64>(end, each.align);
    end = each.offset + each.size;
  }
  return end;
}

}  // namespace ptx
