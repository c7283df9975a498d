/// @file
/// The element types of .npy files: which are accepted, and why the others are not.
#pragma once
#include <cstdint>
#include <string>

#include "cli/data/table.h"

namespace scorematch::cli {

struct NpyType {
  Element element = Element::float32;
  int bytes = 4;  // per element
  bool is_big_endian = false;
};

/// From a header's descr, as "<f4".
/// @throws Error io naming the type, and what to do about it, if it is not a type of numbers
NpyType npy_type(const std::string& path, const std::string& descr);

/// The value of an element; whole numbers of 64 bits are rounded if double cannot represent them.
double decode_npy(const NpyType& type, const unsigned char* bytes);

}  // namespace scorematch::cli
