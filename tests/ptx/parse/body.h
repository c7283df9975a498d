// Function bodies: from PTX to a program.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ptx/parse/symbols.h"

namespace ptx {

/// The start of a called function, and the positions of its parameters in the caller's frame.
struct Callee {
  u32 start = 0;  // an index into the code
  std::vector<u32> params, returns;
};

/// Translates a kernel and the functions that it calls.
class Translator {
 public:
  Translator(const Module& module_, Program& program_, u32 dynamic_start)
      : module(module_), program(program_), symbols(module_, program_, dynamic_start) {}

  void translate(const Function& entry);
  /// The callee with this name, to be translated after the current function.
  const Callee& need(const Function& function);
  Callee& callee(const std::string& name) { return callees_.at(name); }

  const Module& module;
  Program& program;
  Symbols symbols;
  std::vector<std::string> problems;  // unknown instructions, wrong operands
  /// Records that the next instruction calls `callee`.
  void add_call(const std::string& caller, const std::string& callee);

 private:
  bool reaches(const std::string& from, const std::string& to) const;

  std::map<std::string, Callee> callees_;
  std::vector<std::pair<u32, std::string>> calls_;           // instructions and their callees
  std::map<std::string, std::set<std::string>> call_graph_;  // callers and their callees
  std::vector<std::string> pending_;
};

}  // namespace ptx
