#include "ptx/instructions/table.h"

namespace ptx {
namespace {

bool decode_form(const Form& form, Encoding& encoding) {
  encoding.expect_operands(1 + form.sources.size());
  Instruction& instruction = encoding.instruction;
  encoding.destination(0);
  instruction.handler = form.handler;
  instruction.operand[0] = encoding.value(0, form.destination);
  for (std::size_t i = 0; i < form.sources.size(); ++i)
    instruction.operand[1 + i] = encoding.value(1 + i, form.sources[i]);
  return true;
}

Table make_table() {
  Table table;
  add_approximations(table);
  add_asynchronous_copies(table);
  add_atomics(table);
  add_barriers(table);
  add_bit_fields(table);
  add_comparisons(table);
  add_conversions(table);
  add_float_arithmetic(table);
  add_float_formats(table);
  add_integer_arithmetic(table);
  add_loads_and_stores(table);
  add_logic(table);
  add_matrix_loads(table);
  add_matrix_products(table);
  add_moves(table);
  add_predicate_logic(table);
  add_shuffles(table);
  add_votes(table);
  return table;
}

}  // namespace

bool Table::decode(Encoding& encoding) const {
  const auto form = forms_.find(encoding.opcode);
  if (form != forms_.end()) return decode_form(form->second, encoding);
  auto decoder = decoders_.find(encoding.opcode);
  if (decoder == decoders_.end()) decoder = decoders_.find(encoding.mnemonic);
  return decoder != decoders_.end() && decoder->second(encoding);
}

bool decode(Encoding& encoding) {
  static const Table table = make_table();
  return table.decode(encoding);
}

}  // namespace ptx
