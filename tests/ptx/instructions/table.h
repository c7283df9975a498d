// The instructions that the emulator supports. Each file of a family adds its own.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "ptx/instructions/encoding.h"

namespace ptx {

/// An instruction with one destination and sources of fixed types, identified by its whole opcode.
struct Form {
  Handler handler = nullptr;
  Type destination = Type::none;
  std::vector<Type> sources;
};

/// Decodes the instructions of one mnemonic, or of one opcode. Returns false if the instruction is unknown. Throws if
/// its operands are wrong.
using Decode = bool (*)(Encoding&);

class Table {
 public:
  void add(const std::string& opcode, Handler handler, Type destination, std::vector<Type> sources) {
    forms_[opcode] = {handler, destination, std::move(sources)};
  }
  void add(const std::string& name, Decode decode) { decoders_[name] = decode; }
  bool decode(Encoding& encoding) const;

 private:
  std::unordered_map<std::string, Form> forms_;
  std::unordered_map<std::string, Decode> decoders_;
};

void add_approximations(Table& table);
void add_asynchronous_copies(Table& table);
void add_atomics(Table& table);
void add_barriers(Table& table);
void add_bit_fields(Table& table);
void add_comparisons(Table& table);
void add_conversions(Table& table);
void add_float_arithmetic(Table& table);
void add_float_formats(Table& table);
void add_integer_arithmetic(Table& table);
void add_loads_and_stores(Table& table);
void add_logic(Table& table);
void add_matrix_loads(Table& table);
void add_matrix_products(Table& table);
void add_moves(Table& table);
void add_predicate_logic(Table& table);
void add_shuffles(Table& table);
void add_votes(Table& table);

/// Sets the handler and the operands of an instruction. Returns false if it is unknown. Throws if its operands are
/// wrong.
bool decode(Encoding& encoding);

/// Copies bytes within each lane's frame: the arguments and results of calls.
Instruction frame_copy(u64 to, u64 from, u64 bytes);

}  // namespace ptx
