#include "cli/files/npy_type.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "cli/files/npy_header.h"

namespace scorematch::cli {
namespace {

struct Known {
  char kind;  // NumPy's character for the kind of a type
  int bytes;
  Element element;
};

constexpr Known kKnown[] = {{'f', 2, Element::float16}, {'f', 4, Element::float32}, {'f', 8, Element::float64},
                            {'b', 1, Element::boolean}, {'i', 1, Element::int8},    {'i', 2, Element::int16},
                            {'i', 4, Element::int32},   {'i', 8, Element::int64},   {'u', 1, Element::uint8},
                            {'u', 2, Element::uint16},  {'u', 4, Element::uint32},  {'u', 8, Element::uint64}};

/// What any other kind of type is, and what to save instead.
std::string cure(char kind) {
  switch (kind) {
    case 'f':
      return ", a float whose bytes differ between machines; save array.astype('<f8')";
    case 'c':
      return ", complex numbers; save their parts as columns, numpy.column_stack([a.real, a.imag])";
    case 'O':
      return ", Python objects; save array.astype('<f8'), or a table's numeric columns, table.to_numpy('<f8')";
    case 'S':
    case 'U':
    case 'a':
      return ", text; save array.astype('<f8') if it holds numbers, and encode categories as numbers";
    case 'M':
    case 'm':
      return ", dates or times; save them as numbers, (array - array[0]) / numpy.timedelta64(1, 's')";
    case 'V':
      return ", a structured or raw type; save numpy.lib.recfunctions.structured_to_unstructured(array)";
    default:
      return "; save array.astype('<f8')";
  }
}

std::uint64_t bits_of(const NpyType& type, const unsigned char* bytes) {
  std::uint64_t bits = 0;
  for (int i = 0; i < type.bytes; ++i)
    bits |= std::uint64_t{bytes[i]} << (8 * (type.is_big_endian ? type.bytes - 1 - i : i));
  return bits;
}

/// IEEE 754's binary16: five bits of exponent, ten of fraction.
double widen_float16(std::uint64_t bits) {
  const int exponent = static_cast<int>(bits >> 10 & 31), fraction = static_cast<int>(bits & 1023);
  const double size = exponent == 31  ? (fraction == 0 ? std::numeric_limits<double>::infinity()
                                                       : std::numeric_limits<double>::quiet_NaN())
                      : exponent == 0 ? std::ldexp(fraction, -24)
                                      : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -size : size;
}

template <class T, class Bits>
double from_bits(Bits bits) {
  T value;
  static_assert(sizeof value == sizeof bits);
  std::memcpy(&value, &bits, sizeof value);
  return static_cast<double>(value);
}

}  // namespace

NpyType npy_type(const std::string& path, const std::string& descr) {
  const bool has_order = !descr.empty() && std::string("<>|=").find(descr[0]) != std::string::npos;
  const char kind = descr.size() > (has_order ? 1u : 0u) ? descr[has_order ? 1 : 0] : '\0';
  int bytes = 0;
  const char* const first = descr.data() + std::min(descr.size(), std::size_t{has_order ? 2u : 1u});
  const auto [end, error] = std::from_chars(first, descr.data() + descr.size(), bytes);
  if (error == std::errc() && end == descr.data() + descr.size())
    for (const Known& each : kKnown)
      if (each.kind == kind && each.bytes == bytes) return {each.element, bytes, descr[0] == '>'};
  refuse_file(path, "descr: found " + quoted(descr) + cure(kind) +
                        " (read are bool, integers of 8 to 64 bits and floats of 16 to 64)");
}

double decode_npy(const NpyType& type, const unsigned char* bytes) {
  const std::uint64_t bits = bits_of(type, bytes);
  switch (type.element) {
    case Element::float16:
      return widen_float16(bits);
    case Element::float32:
      return from_bits<float>(static_cast<std::uint32_t>(bits));
    case Element::float64:
      return from_bits<double>(bits);
    case Element::boolean:
      return bits != 0 ? 1 : 0;
    case Element::int8:
      return static_cast<std::int8_t>(bits);
    case Element::int16:
      return static_cast<std::int16_t>(bits);
    case Element::int32:
      return static_cast<std::int32_t>(bits);
    case Element::int64:
      return static_cast<double>(static_cast<std::int64_t>(bits));
    case Element::uint8:
    case Element::uint16:
    case Element::uint32:
    case Element::uint64:
    case Element::text:
      break;
  }
  return static_cast<double>(bits);
}

}  // namespace scorematch::cli
