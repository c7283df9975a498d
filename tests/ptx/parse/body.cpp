#include "ptx/parse/body.h"

#include <algorithm>
#include <utility>

#include "ptx/instructions/table.h"
#include "ptx/parse/declaration.h"

namespace ptx {
namespace {

/// Translates the body of one function.
class BodyParser {
 public:
  BodyParser(Translator& translator, const Function& function)
      : translator_(translator),
        program_(translator.program),
        symbols_(translator.symbols),
        function_(function),
        lexer_(translator.module.text, function.begin, function.end, function.line) {}

  void parse() {
    symbols_.open_scope();
    declare_parameters();
    while (!lexer_.at_end()) parse_statement();
    symbols_.close_scope();
    Instruction end;  // for a body without ret
    end.flow = kExit;
    end.name = "(end)";
    program_.code.push_back(end);
    resolve_branches();
  }

 private:
  void declare_parameters() {
    if (function_.entry) {
      for (const Variable& each : function_.params) symbols_.declare_variable(each, kParam);
      return;
    }
    Callee& callee = translator_.callee(function_.name);
    callee.start = static_cast<u32>(program_.code.size());
    declare_in_frame(function_.params, callee.params);
    declare_in_frame(function_.returns, callee.returns);
  }

  void declare_in_frame(const std::vector<Variable>& variables, const std::vector<u32>& offsets) {
    for (std::size_t i = 0; i < variables.size(); ++i) {
      Variable variable = variables[i];
      variable.offset = offsets[i];
      symbols_.declare_variable(variable, kFrame);
    }
  }

  void parse_statement() {
    if (lexer_.take(";")) return;
    if (lexer_.take("{")) return symbols_.open_scope();
    if (lexer_.take("}")) return symbols_.close_scope();
    if (lexer_.take(".loc")) return parse_location();
    if (lexer_.take(".reg")) return parse_registers();
    if (lexer_.take(".param")) return parse_variables(kFrame);
    if (lexer_.take(".local")) return parse_variables(kLocal);
    if (lexer_.take(".shared")) return parse_variables(kShared);
    if (lexer_.take(".pragma") || lexer_.take(".branchtargets")) return lexer_.skip_past(";");
    const Token& token = lexer_.current();
    if (token.kind == Token::word && token.text[0] != '.' && lexer_.followed_by_colon()) {
      labels_[lexer_.word()] = static_cast<u32>(program_.code.size());
      return lexer_.expect(":");
    }
    parse_instruction();
  }

  void parse_location() {
    file_ = static_cast<u32>(lexer_.integer());
    source_line_ = static_cast<u32>(parse_integer(lexer_.current().text));
    lexer_.skip_line();
  }

  void parse_registers() {
    const u8 bytes = static_cast<u8>(bytes_of_type(lexer_.word()));
    do {
      const std::string name = lexer_.word();
      if (lexer_.take("<")) {
        symbols_.declare_registers(name, bytes, static_cast<u32>(lexer_.integer()));
        lexer_.expect(">");
      } else {
        symbols_.declare_register(name, bytes);
      }
    } while (lexer_.take(","));
    lexer_.expect(";");
  }

  void parse_variables(Space space) {
    do {
      Variable variable = parse_variable(lexer_);
      variable.offset = space == kShared ? symbols_.place_shared(variable)
                                         : symbols_.place_in_frame(variable.size, std::max(variable.align, 8u));
      symbols_.declare_variable(variable, space);
    } while (lexer_.take(","));
    lexer_.expect(";");
  }

  void parse_guard(Instruction& instruction) {
    if (!lexer_.take("@")) return;
    instruction.guarded = true;
    instruction.guard_negated = lexer_.take("!");
    Operand guard;
    const std::string name = lexer_.word();
    if (!symbols_.find_register(name, guard) || guard.bytes != 0)
      syntax_error(lexer_.line(), "expected a predicate, got " + name);
    instruction.guard = guard.op;
  }

  void parse_instruction() {
    Instruction instruction;
    instruction.line = lexer_.line();
    instruction.file = file_;
    instruction.source_line = source_line_;
    parse_guard(instruction);
    const std::string opcode = lexer_.word();
    if (opcode.compare(0, opcode.find('.'), "call") == 0) return parse_call(instruction);
    std::vector<Operand> operands;
    while (!lexer_.is(";")) {
      operands.push_back(parse_operand(lexer_, symbols_));
      if (!lexer_.take(",")) break;
    }
    lexer_.expect(";");
    program_.names.push_back(std::make_unique<std::string>(opcode));
    instruction.name = program_.names.back()->c_str();
    try {
      Encoding encoding(instruction, symbols_, opcode, std::move(operands));
      if (decode_control_flow(encoding) || decode(encoding))
        program_.code.push_back(instruction);
      else
        report(instruction.line, "unknown instruction " + opcode);
    } catch (const std::exception& error) {
      report(instruction.line, opcode + ": " + error.what());
    }
  }

  bool decode_control_flow(Encoding& encoding) {
    if (encoding.mnemonic == "ret" || encoding.mnemonic == "exit") {
      encoding.instruction.flow = kExit;
      return true;
    }
    if (encoding.mnemonic != "bra") return false;
    encoding.instruction.flow = kBranch;
    encoding.instruction.uniform = encoding.take("uni");
    branches_.push_back({static_cast<u32>(program_.code.size()), encoding.operands.at(0).text});
    return true;
  }

  std::vector<std::string> parse_names() {
    std::vector<std::string> names;
    if (!lexer_.take("(")) return names;
    while (!lexer_.take(")")) {
      names.push_back(lexer_.word());
      lexer_.take(",");
    }
    return names;
  }

  /// call{.uni} (results), function, (arguments);
  void parse_call(Instruction& call) {
    const std::vector<std::string> results = parse_names();
    lexer_.take(",");
    const std::string name = lexer_.word();
    lexer_.take(",");
    const std::vector<std::string> arguments = parse_names();
    lexer_.skip_past(";");
    const auto function = translator_.module.functions.find(name);
    if (function == translator_.module.functions.end() || function->second.declared_only)
      return report(call.line, "call of " + name + ", which the module does not define");
    const std::vector<Variable>&params = function->second.params, &returns = function->second.returns;
    if (arguments.size() != params.size() || results.size() > returns.size())
      return report(call.line, "call of " + name + " with another number of arguments");
    const Callee& callee = translator_.need(function->second);
    for (std::size_t i = 0; i < arguments.size(); ++i)
      copy_in_frame(call, callee.params[i], frame_offset(call, arguments[i]), params[i].size);
    call.flow = kCall;
    call.name = "call";
    translator_.add_call(function_.name, name);
    program_.code.push_back(call);
    for (std::size_t i = 0; i < results.size(); ++i)
      copy_in_frame(call, frame_offset(call, results[i]), callee.returns[i], returns[i].size);
  }

  u64 frame_offset(const Instruction& call, const std::string& name) {
    Operand operand;
    if (symbols_.find_symbol(name, operand) && operand.symbol_space == kFrame) return static_cast<u64>(operand.offset);
    report(call.line, "expected a .param variable, got " + name);
    return 0;
  }

  void copy_in_frame(const Instruction& call, u64 to, u64 from, u64 bytes) {
    Instruction copy = frame_copy(to, from, bytes);
    copy.line = call.line;
    copy.guarded = call.guarded;
    copy.guard_negated = call.guard_negated;
    copy.guard = call.guard;
    program_.code.push_back(copy);
  }

  void resolve_branches() {
    for (const auto& [at, label] : branches_) {
      const auto found = labels_.find(label);
      if (found == labels_.end())
        translator_.problems.push_back("unknown label " + label);
      else
        program_.code[at].target = found->second;
    }
  }

  void report(u32 line, const std::string& problem) {
    translator_.problems.push_back("line " + std::to_string(line) + ": " + problem);
  }

  Translator& translator_;
  Program& program_;
  Symbols& symbols_;
  const Function& function_;
  Lexer lexer_;
  u32 file_ = 0, source_line_ = 0;
  std::map<std::string, u32> labels_;
  std::vector<std::pair<u32, std::string>> branches_;
};

}  // namespace

const Callee& Translator::need(const Function& function) {
  const auto found = callees_.find(function.name);
  if (found != callees_.end()) return found->second;
  Callee callee;
  for (const Variable& each : function.params) callee.params.push_back(symbols.place_in_frame(each.size, 16));
  for (const Variable& each : function.returns) callee.returns.push_back(symbols.place_in_frame(each.size, 16));
  pending_.push_back(function.name);
  return callees_[function.name] = callee;
}

void Translator::add_call(const std::string& caller, const std::string& callee) {
  calls_.push_back({static_cast<u32>(program.code.size()), callee});
  call_graph_[caller].insert(callee);
}

bool Translator::reaches(const std::string& from, const std::string& to) const {
  std::set<std::string> seen;
  std::vector<std::string> pending{from};
  while (!pending.empty()) {
    const auto callees = call_graph_.find(pending.back());
    pending.pop_back();
    if (callees == call_graph_.end()) continue;
    if (callees->second.count(to) != 0) return true;
    for (const std::string& each : callees->second)
      if (seen.insert(each).second) pending.push_back(each);
  }
  return false;
}

/// Recursion is not supported, because a function has one frame per lane.
void Translator::translate(const Function& entry) {
  BodyParser(*this, entry).parse();
  while (!pending_.empty()) {
    const std::string name = pending_.back();
    pending_.pop_back();
    BodyParser(*this, module.functions.at(name)).parse();
  }
  for (const auto& [at, name] : calls_) program.code[at].target = callees_.at(name).start;
  for (const auto& each : callees_)
    if (reaches(each.first, each.first)) problems.push_back("recursive function " + each.first);
}

}  // namespace ptx
