// Copies the kernels and inserts all faults of faults.txt, each under the condition `simt::fault == its number`:
//   seed_faults faults.txt kernels/ copy/
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

struct Fault {
  int number;
  std::string file, sound, faulty;
};

std::string read(const fs::path& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<Fault> faults_of(const fs::path& path) {
  std::ifstream in(path);
  std::vector<Fault> all;
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("== ", 0) == 0)
      all.push_back({static_cast<int>(all.size()) + 1, line.substr(3, line.find(' ', 3) - 3), "", ""});
    else if (line.rfind("- ", 0) == 0 && !all.empty())
      all.back().sound = line.substr(2);
    else if (line.rfind("+ ", 0) == 0 && !all.empty())
      all.back().faulty = line.substr(2);
  }
  return all;
}

std::string seeded(const Fault& fault) {
  const std::string chosen = "::simt::fault == " + std::to_string(fault.number);
  if (fault.sound.back() == ';') return "if (" + chosen + ") { " + fault.faulty + " } else { " + fault.sound + " }";
  return "(" + chosen + " ? (" + fault.faulty + ") : (" + fault.sound + "))";
}

void seed(const Fault& fault, std::string& text) {
  if (fault.sound.empty() || fault.faulty.empty())
    throw std::runtime_error("fault " + std::to_string(fault.number) +
                             ": expected a line '- text' and a line '+ text'");
  const auto at = text.find(fault.sound);
  if (at == std::string::npos || text.find(fault.sound, at + 1) != std::string::npos)
    throw std::runtime_error("expected exactly once in " + fault.file + ": " + fault.sound);
  text.replace(at, fault.sound.size(), seeded(fault));
}

}  // namespace

int main(int, char** argv) {
  try {
    const fs::path kernels = argv[2], copy = argv[3];
    std::map<std::string, std::string> texts;
    for (const auto& each : fs::recursive_directory_iterator(kernels))
      if (const auto kind = each.path().extension(); kind == ".cu" || kind == ".cuh" || kind == ".h")
        texts[fs::relative(each.path(), kernels).generic_string()] = read(each.path());
    for (const Fault& fault : faults_of(argv[1])) {
      if (texts.count(fault.file) == 0) throw std::runtime_error("faults.txt: unknown kernel file " + fault.file);
      seed(fault, texts[fault.file]);
    }
    for (const auto& [name, text] : texts) {
      fs::create_directories((copy / name).parent_path());
      std::ofstream(copy / name) << "namespace simt {\nextern int fault;\n}\n" << text;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "seed_faults: %s\n", error.what());
    return 1;
  }
  return 0;
}
