// Modules: functions, whose bodies are parsed when a kernel is first launched, and variables, which are allocations.
#include <cstdlib>

#include "ptx/parse/declaration.h"
#include "ptx/ptx.h"

namespace ptx {
namespace {

/// Parses .maxntid and similar directives, between the parameters and the body.
void parse_performance_directives(Lexer& lexer, Function& function) {
  while (!lexer.is("{") && !lexer.is(";")) {
    const std::string directive = lexer.word();
    if (directive == ".noreturn") continue;
    u32* values = directive == ".maxntid"        ? function.maxntid
                  : directive == ".reqntid"      ? function.reqntid
                  : directive == ".minnctapersm" ? &function.minnctapersm
                                                 : nullptr;
    if (values == nullptr)
      throw std::runtime_error("unknown PTX directive " + directive + " of function " + function.name);
    const int most = directive == ".minnctapersm" ? 1 : 3;
    for (int i = 0; i < most; ++i) {
      values[i] = static_cast<u32>(lexer.integer());
      if (!lexer.take(",")) break;
    }
  }
}

/// Finds the end of the body that starts at the current brace, and continues after it.
void skip_body(Lexer& lexer, Function& function) {
  const std::string& text = lexer.text();
  function.begin = lexer.current().begin + 1;
  std::size_t i = function.begin;
  u32 line = lexer.line();
  for (int depth = 1; depth > 0; ++i) {
    if (i >= text.size()) syntax_error(function.line, "the body of " + function.name + " has no end");
    if (text[i] == '\n') ++line;
    if (text[i] == '{') ++depth;
    if (text[i] == '}') --depth;
    if (text[i] == '/' && i + 1 < text.size() && text[i + 1] == '/')
      while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
  }
  function.end = i - 1;
  lexer.jump(i, line);
}

void parse_function(Lexer& lexer, Module& module) {
  Function function;
  function.entry = lexer.word() == ".entry";
  function.returns = parse_parameters(lexer);
  function.name = lexer.word();
  function.params = parse_parameters(lexer);
  function.param_bytes = lay_out(function.params);
  parse_performance_directives(lexer, function);
  function.line = lexer.line();
  if (lexer.take(";")) {
    function.declared_only = true;
    module.functions.emplace(function.name, function);  // unless its definition came first
    return;
  }
  skip_body(lexer, function);
  module.functions[function.name] = function;
}

/// Writes one element of an initializer. Returns its end.
u64 write_initializer(u8* memory, u64 at, const Variable& variable, const std::string& token) {
  if (starts_word(token[0]))
    throw std::runtime_error("an initializer with a symbol is not supported: " + variable.name);
  if (at + variable.element_bytes > variable.size)
    throw std::runtime_error("an initializer longer than its variable: " + variable.name);
  const bool is_float = token.size() > 2 && token[0] == '0' && std::strchr("fFdD", token[1]) != nullptr;
  const u64 value = is_float ? std::strtoull(token.c_str() + 2, nullptr, 16) : parse_integer(token);
  std::memcpy(memory + at, &value, variable.element_bytes);
  return at + variable.element_bytes;
}

void allocate(const Variable& variable) {
  Alloc alloc;
  alloc.base = variable.offset;
  alloc.size = variable.size;
  alloc.shadow = static_cast<u8*>(std::malloc(variable.size));
  std::memset(alloc.shadow, 1, variable.size);  // zero unless there is an initializer
  allocs[alloc.base] = alloc;
  ++alloc_generation;
}

/// Parses a .global or .const variable.
void parse_global(Lexer& lexer, Variable& variable) {
  if (variable.size == 0) throw std::runtime_error("a variable of unknown size: " + variable.name);
  u8* memory = static_cast<u8*>(std::aligned_alloc(256, round_up<u64>(variable.size, 512)));
  std::memset(memory, 0, variable.size);
  variable.offset = reinterpret_cast<u64>(memory);
  if (lexer.take("=")) {
    if (lexer.take("{")) {
      u64 at = 0;
      while (!lexer.take("}")) {
        at = write_initializer(memory, at, variable, lexer.word());
        lexer.take(",");
      }
    } else {
      write_initializer(memory, 0, variable, lexer.word());
    }
  }
  allocate(variable);
}

void parse_module_variable(Lexer& lexer, Module& module, bool external) {
  const std::string space = lexer.word();
  Variable variable = parse_variable(lexer);
  if (space == ".shared") {
    (external ? module.external_shared : module.shared)[variable.name] = variable;
  } else {
    parse_global(lexer, variable);
    (space == ".const" ? module.constants : module.globals)[variable.name] = variable;
  }
  lexer.expect(";");
}

void parse_definition(Lexer& lexer, Module& module) {
  bool external = false;
  while (lexer.is(".visible") || lexer.is(".weak") || lexer.is(".extern") || lexer.is(".common")) {
    external = external || lexer.is(".extern");
    lexer.next();
  }
  if (lexer.is(".entry") || lexer.is(".func")) {
    parse_function(lexer, module);
  } else if (lexer.is(".global") || lexer.is(".const") || lexer.is(".shared")) {
    parse_module_variable(lexer, module, external);
  } else {
    syntax_error(lexer.line(), "unknown directive " + lexer.current().text);
  }
}

void parse_file(Lexer& lexer, Module& module) {
  lexer.next();
  const u32 number = static_cast<u32>(lexer.integer());
  module.files[number] = lexer.current().text;
  lexer.skip_line();
}

void skip_section(Lexer& lexer) {
  lexer.next();
  lexer.next();
  int depth = 0;
  do {
    depth += lexer.is("{") ? 1 : lexer.is("}") ? -1 : 0;
    lexer.next();
  } while (depth > 0);
}

}  // namespace

Module::Module(std::string text_) : text(std::move(text_)) {
  Lexer lexer(text, 0, text.size(), 1);
  while (!lexer.at_end()) {
    if (lexer.take(".version") || lexer.take(".address_size")) {
      lexer.next();
    } else if (lexer.take(".target")) {
      target = lexer.word();
      while (lexer.take(",")) lexer.next();
    } else if (lexer.is(".file")) {
      parse_file(lexer, *this);
    } else if (lexer.is(".loc")) {
      lexer.skip_line();
    } else if (lexer.is(".section")) {
      skip_section(lexer);
    } else if (lexer.is(".pragma")) {
      lexer.skip_past(";");
    } else {
      parse_definition(lexer, *this);
    }
  }
}

}  // namespace ptx
