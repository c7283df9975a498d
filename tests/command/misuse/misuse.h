// Wrong and malicious input to the command: tables of arguments, the files that they name, and the expected messages.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "support/command.h"

namespace scorematch::testing_support {

constexpr int kUsage = 2;  // the arguments are wrong, regardless of the files
constexpr int kFailure = 1;

struct Misuse {
  std::string name;
  int exit_code;
  Arguments arguments;
  std::vector<std::string> words;  // parts of the message
};

/// `train data.npy -o run` and more arguments.
inline Arguments train(const Arguments& more) {
  Arguments arguments = {"train", "data.npy", "-o", "run", "--steps", "1"};
  if (!more.empty() && more[0] == "--steps") arguments.resize(4);
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}
inline Arguments train_on(const std::string& data, const Arguments& more = {}) {
  Arguments arguments = train(more);
  arguments[1] = data;
  return arguments;
}
inline Arguments train_to(const std::string& output) {
  Arguments arguments = train({});
  arguments[3] = output;
  return arguments;
}
inline Arguments sample(const Arguments& more, const std::string& model = "model.safetensors") {
  Arguments arguments = {"sample", model, "-o", "out.npy"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}
inline Arguments eval(const std::string& input) { return {"eval", input, "-o", "out.safetensors"}; }

inline Arguments import_of(const std::string& state_dict, const Arguments& more = {}) {
  Arguments arguments = {"import", state_dict, "-o", "out.safetensors"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}
inline Arguments resume(const std::string& run, const Arguments& more = {}) {
  Arguments arguments = {"train", "data.npy", "-o", "run", "--resume", run};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// Arguments that are wrong alone or in combination.
std::vector<Misuse> bad_arguments();
/// Data files of every format, and output paths.
std::vector<Misuse> bad_data();
std::vector<Misuse> bad_outputs();
/// Models, runs to resume, state_dicts, cases.
std::vector<Misuse> bad_models();
std::vector<Misuse> bad_runs();
std::vector<Misuse> bad_state_dicts();
std::vector<Misuse> bad_cases();

/// Makes a file or folder at `path`.
using Make = std::function<void(const std::string& path)>;
/// The files and folders that the tables name.
const std::map<std::string, Make>& misuse_inputs();

}  // namespace scorematch::testing_support
