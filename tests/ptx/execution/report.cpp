#include "ptx/execution/report.h"

#include <cstdio>
#include <cstdlib>
#include <set>

namespace ptx {

Stats stats;
std::unordered_map<std::string, u64> opcode_counts;

long env(const char* name, long otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise : std::strtol(text, nullptr, 0);
}

void complain(const std::string& what) {
  static std::set<std::string> printed;
  const std::string key = what.substr(0, what.find("block ("));  // the same for all blocks
  if (printed.insert(key).second) std::fprintf(stderr, "emulator: %s\n", what.c_str());
}

std::string where(const Warp& warp, const Instruction& instruction, int lane) {
  const Block& block = *warp.block;
  const std::map<u32, std::string>& files = block.launch->module->files;
  std::string text = "kernel " + warp.program->function->name;
  text += "\n    PTX line " + std::to_string(instruction.line) + ": " + instruction.name;
  const auto file = files.find(instruction.file);
  if (instruction.file != 0 && file != files.end())
    text += "\n    source " + file->second + ":" + std::to_string(instruction.source_line);
  text += "\n    block (" + std::to_string(block.index[0]) + ", " + std::to_string(block.index[1]) + ", " +
          std::to_string(block.index[2]) + "), warp " + std::to_string(warp.number) + ", lane " + std::to_string(lane);
  return text;
}

void fault(const Warp& warp, const Instruction& instruction, int lane, const std::string& what) {
  ++stats.faults;
  throw Fault(what + "\n    " + where(warp, instruction, lane));
}

void report_uninitialized(const Warp& warp, const Instruction& instruction, u32 lanes, const char* use) {
  ++stats.uninitialized;
  complain(std::string("an uninitialized value is used as ") + use + ": " +
           where(warp, instruction, __builtin_ctz(lanes)));
}

void report_origin(const Warp& warp, const Instruction& instruction, u32 lanes) {
  static const bool enabled = env("SCOREMATCH_PTX_ORIGIN", 0) != 0;
  if (enabled) complain("uninitialized memory is read: " + where(warp, instruction, __builtin_ctz(lanes)));
}

}  // namespace ptx
