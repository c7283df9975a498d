// Declarations of variables.
#pragma once
#include <vector>

#include "ptx/parse/lexer.h"
#include "ptx/program.h"

namespace ptx {

/// Bytes of a type such as ".b32"; 0 for ".pred".
u32 bytes_of_type(const std::string& type);

template <class T>
T round_up(T value, T multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Parses `[.align N] .type name[count]` after the state space.
Variable parse_variable(Lexer& lexer);

/// Parses `(.param ..., .param ...)` if a parenthesis follows.
std::vector<Variable> parse_parameters(Lexer& lexer);

/// Sets the offsets of consecutive parameters. Returns the total bytes.
u64 lay_out(std::vector<Variable>& variables);

}  // namespace ptx
