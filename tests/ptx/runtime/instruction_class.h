// The classes in which instructions are counted.
#pragma once
#include <array>
#include <cstddef>
#include <string>

namespace ptx::runtime {

constexpr std::array<const char*, 15> kInstructionClasses = {
    "mma",     "ldmatrix", "ld.shared", "st.shared", "cp.async", "ld.global", "st.global", "local",
    "float32", "float64",  "special",   "convert",   "integer",  "control",   "barrier"};

/// The class of an instruction. The name is the PTX opcode with its modifiers.
std::size_t class_of_instruction(const std::string& name);

}  // namespace ptx::runtime
