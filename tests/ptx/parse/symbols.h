// The registers, constants and variables of a kernel: their names and their locations.
#pragma once
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ptx/parse/operand.h"
#include "ptx/ptx.h"

namespace ptx {

class Symbols {
 public:
  /// `dynamic_start`: where dynamic shared memory is assumed to start.
  Symbols(const Module& module, Program& program, u32 dynamic_start)
      : module_(module), program_(program), dynamic_start_(dynamic_start) {}

  void open_scope() { scopes_.emplace_back(); }
  void close_scope() { scopes_.pop_back(); }

  Register new_register(u8 bytes, u32 count = 1);
  void declare_register(const std::string& name, u8 bytes);
  /// `.reg .type name<count>`: name0, name1, ...
  void declare_registers(const std::string& prefix, u8 bytes, u32 count);
  void declare_variable(const Variable& variable, Space space);
  /// Reserves static shared memory. Returns the address.
  u32 place_shared(const Variable& variable);
  /// Reserves a part of each lane's frame. Returns its offset.
  u32 place_in_frame(u64 bytes, u32 align);

  bool find_register(const std::string& name, Operand& operand) const;
  bool find_symbol(const std::string& name, Operand& operand);
  Register special(const std::string& name);
  Register constant(int bytes, u64 bits);
  /// The register, or the constant, that an operand denotes when read as a type.
  Register value(const Operand& operand, Type type);

  bool uses_dynamic_shared() const { return uses_dynamic_shared_; }

 private:
  struct Declared {
    Register first;
    u32 count = 1;
    u8 bytes = 0;
  };
  struct Scope {
    std::unordered_map<std::string, Declared> registers, prefixes;
    std::map<std::string, std::pair<Space, u64>> variables;
  };

  static void set_register(Operand& operand, const Declared& declared, u32 index);

  const Module& module_;
  Program& program_;
  u32 dynamic_start_;
  bool uses_dynamic_shared_ = false;
  std::vector<Scope> scopes_;
  std::map<std::pair<int, u64>, Register> constants_;
  std::map<std::string, Register> specials_;
  std::map<std::string, u32> shared_addresses_;  // of the module's shared variables
};

}  // namespace ptx
