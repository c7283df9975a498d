// Kernels. Each is translated at its first use.
#include <cstdio>
#include <cstdlib>

#include "ptx/parse/body.h"

namespace ptx {
namespace {

[[noreturn]] void give_up(const std::string& entry, const std::vector<std::string>& problems) {
  std::string all;
  for (const std::string& each : problems) all += "\n  " + each;
  std::fprintf(stderr, "emulator: kernel %s cannot be emulated:%s\n", entry.c_str(), all.c_str());
  std::abort();
}

/// Returns whether dynamic shared memory starts where it was assumed to start, or is not used.
bool translate(const Module& module, const Function& entry, u32 dynamic_start, Program& program) {
  program.function = &entry;
  Translator translator(module, program, dynamic_start);
  try {
    translator.translate(entry);
  } catch (const std::exception& error) {
    translator.problems.push_back(error.what());
  }
  if (!translator.problems.empty()) give_up(entry.name, translator.problems);
  return !translator.symbols.uses_dynamic_shared() || program.dynamic_start() == dynamic_start;
}

}  // namespace

Program& Module::program(const std::string& entry) {
  std::unique_ptr<Program>& program = programs[entry];
  if (program) return *program;
  const auto found = functions.find(entry);
  if (found == functions.end() || !found->second.entry) throw std::runtime_error("unknown kernel " + entry);
  program = std::make_unique<Program>();
  if (translate(*this, found->second, program->dynamic_start(), *program)) return *program;
  // Static shared memory precedes dynamic shared memory, and its full size is only known now.
  const u32 dynamic_start = program->dynamic_start();
  program = std::make_unique<Program>();
  translate(*this, found->second, dynamic_start, *program);
  return *program;
}

}  // namespace ptx
