// The classes that instructions are counted by.
#pragma once
#include <array>
#include <cstddef>
#include <string>

namespace ptx::runtime {

constexpr std::array<const char*, 15> kInstructionClasses = {
    "mma",     "ldmatrix", "ld.shared", "st.shared", "cp.async", "ld.global", "st.global", "local",
    "float32", "float64",  "special",   "convert",   "integer",  "control",   "barrier"};

/// Which of them an instruction is counted by; the name is that of PTX with its modifiers.
std::size_t class_of_instruction(const std::string& name);

}  // namespace ptx::runtime
