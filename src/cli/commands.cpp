#include "cli/commands.h"

#include "scorematch/error.h"

namespace scorematch::cli {

void EngineOptions::add_to(CLI::App& command) {
  command.add_option("--engine", name, "auto, cuda, cpu or reference")
      ->check(CLI::IsMember({"auto", "cuda", "cpu", "reference"}))
      ->capture_default_str();
  command.add_option("--threads", threads, "threads of the cpu engine; 0: as many as there are cores")
      ->transform(in_range(0, 4096))
      ->capture_default_str();
}

Engine EngineOptions::make() const {
  try {
    if (name == "reference") return Engine::reference();
    if (name == "cuda") return Engine::cuda();
    if (name == "cpu") return Engine::cpu(threads);
    return Engine::best(threads);
  } catch (const Error& error) {
    throw Error(error.code(), "--engine", "--engine " + name + ": " + error.what());
  }
}

CLI::Validator not_empty() {
  return CLI::Validator(
      [](std::string& text) { return text.empty() ? std::string("expected a text, got ''") : std::string(); }, "");
}

void refuse_option(const std::string& option, const std::string& expected, const std::string& got) {
  throw CLI::ValidationError(option, "expected " + expected + ", got " + got);
}

std::string format_network(const MlpShape& net) {
  std::string text = std::to_string(net.dim) + " -> ";
  for (const int width : net.hidden) text += std::to_string(width) + " ";
  const int outputs = net.kind == MlpShape::Kind::score ? net.dim : 1;
  return text + "-> " + std::to_string(outputs) + ", " + std::to_string(net.param_count()) + " parameters";
}

}  // namespace scorematch::cli
