// scorematch: train, sample, evaluate, exchange models with PyTorch, and describe this machine.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>

#include "cli/options/commands.h"
#include "cli/ranks/launch.h"
#include "model/names.h"
#include "scorematch/version.h"

namespace {

/// "info, train or sample"
std::string subcommand_names(const CLI::App& app) {
  std::string text;
  const auto all = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* each : all) text += (text.empty() ? "" : each == all.back() ? " or " : ", ") + each->get_name();
  return text;
}

/// One line, like every other error.
std::string describe_misuse(const CLI::App* app, const CLI::Error& error) {
  std::string command = app->get_name(), message = error.what();
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().front();
    command += " " + app->get_name();
  }
  if (error.get_name() == "RequiredError" && app->get_require_subcommand_min() > 0) {
    const std::vector<std::string> rest = app->remaining();
    message = "expected " + subcommand_names(*app) + ", got " + (rest.empty() ? "nothing" : "'" + rest.front() + "'");
  }
  return "scorematch: " + message + "; see " + command + " --help\n";
}

/// The arguments with today's names for options of earlier versions: "--law=sphere" is "--distribution=sphere".
std::vector<std::string> current_arguments(int argc, char** argv) {
  std::vector<std::string> all(argv + 1, argv + argc);
  for (std::string& each : all) {
    const std::string option = each.substr(0, each.find('='));
    for (const auto& [old_key, key] : scorematch::kOldKeys)
      if (option == std::string("--") + old_key) each = std::string("--") + key + each.substr(option.size());
  }
  std::reverse(all.begin(), all.end());  // as CLI11 wants them
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Score matching: train, sample and evaluate score models.", "scorematch");
  app.require_subcommand(1);
  app.set_version_flag("--version", "scorematch " SCOREMATCH_VERSION);
  app.failure_message(describe_misuse);
  try {
    const auto tables = scorematch::cli::add_commands(app);
    app.parse(current_arguments(argc, argv));
    return 0;
  } catch (const CLI::RuntimeError& end) {  // a subcommand's own exit code
    return end.get_exit_code();
  } catch (const CLI::ParseError& error) {
    // Of several processes with the same arguments, the first says what is wrong with them. mpirun would end it before
    // that if another one exited with more than 0.
    if (error.get_exit_code() != 0 && scorematch::cli::launch_of_environment().rank > 0) return 0;
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "scorematch: out of memory\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "scorematch: %s\n", error.what());
  }
  return 1;
}
