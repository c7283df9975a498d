/// @file
/// The command `scorematch`, run as a user runs it, in a folder of its own and with a time limit.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "support/files.h"

namespace scorematch::testing_support {

using Arguments = std::vector<std::string>;

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines.push_back(text.substr(begin, end - begin));
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

struct Finished {
  int exit_code = -1;  // -1: a signal ended it
  int signal = 0;      // the signal that ended it; SIGKILL if it exceeded the time limit
  std::string out, err;
};

/// A running command, with its output in files. The destructor kills it if it has not ended.
class Process {
 public:
  enum class Interrupts { ask, ignored };  // as in a terminal, or in the background of a script

  /// @param terminal makes stderr a terminal of 100 columns
  Process(const std::filesystem::path& folder, const std::filesystem::path& logs, Arguments arguments,
          bool terminal = false, Interrupts interrupts = Interrupts::ask)
      : out_(logs / "stdout"), err_(logs / "stderr") {
    arguments.insert(arguments.begin(), SCOREMATCH_COMMAND);
    std::vector<char*> argv;
    for (std::string& each : arguments) argv.push_back(each.data());
    argv.push_back(nullptr);
    const int out = ::open(out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const int err = terminal ? open_terminal() : ::open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::signal(SIGINT, interrupts == Interrupts::ignored ? SIG_IGN : SIG_DFL);
      const int in = ::open("/dev/null", O_RDONLY);
      if (::chdir(folder.c_str()) != 0 || ::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) ::_exit(126);
      ::setenv("TERM", "xterm", 1);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(out);
    ::close(err);
    if (terminal_ >= 0) reader_ = std::thread([this] { copy_terminal(); });
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { wait(0); }

  void send(int signal) const { ::kill(pid_, signal); }

  /// Whether anything was written to stderr within the limit.
  bool wait_for_stderr(double seconds = 30) const {
    return wait_until(seconds, [&] { return !read_file(err_).empty(); });
  }

  Finished wait(double seconds = 60) {
    if (pid_ <= 0) return finished_;
    int status = 0;
    if (!wait_until(seconds, [&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; })) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, &status, 0);
    }
    pid_ = -1;
    if (reader_.joinable()) reader_.join();
    if (WIFEXITED(status)) finished_.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) finished_.signal = WTERMSIG(status);
    finished_.out = read_file(out_);
    finished_.err = read_file(err_);
    return finished_;
  }

 private:
  template <class Condition>
  static bool wait_until(double seconds, const Condition& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }

  /// Returns the side of a new pseudo-terminal for the program. copy_terminal() reads the other side.
  int open_terminal() {
    terminal_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal_ < 0 || ::grantpt(terminal_) != 0 || ::unlockpt(terminal_) != 0) return -1;
    const int side = ::open(::ptsname(terminal_), O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct winsize size = {};
    size.ws_col = 100;
    ::ioctl(side, TIOCSWINSZ, &size);
    return side;
  }

  /// Copies until read() fails, which it does once the program's side is closed.
  void copy_terminal() const {
    std::ofstream err(err_, std::ios::binary);
    char part[4096];
    for (ssize_t bytes; (bytes = ::read(terminal_, part, sizeof part)) > 0;) err.write(part, bytes);
    ::close(terminal_);
  }

  std::filesystem::path out_, err_;
  pid_t pid_ = -1;
  int terminal_ = -1;
  std::thread reader_;
  Finished finished_;
};

/// Runs the command in a new folder, which is removed afterwards.
class CommandTest : public testing::Test {
 protected:
  CommandTest() { std::filesystem::create_directory(folder()); }

  std::filesystem::path folder() const { return root_ / "work"; }
  std::string path(const std::string& name) const { return (folder() / name).string(); }
  Process start(const Arguments& arguments, bool terminal = false,
                Process::Interrupts interrupts = Process::Interrupts::ask) const {
    return {folder(), root_, arguments, terminal, interrupts};
  }
  Finished run(const Arguments& arguments) const { return start(arguments).wait(); }

  /// Expects exit code 0.
  Finished run_well(const Arguments& arguments) const {
    Finished finished = run(arguments);
    EXPECT_EQ(finished.signal, 0);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return finished;
  }

  /// The bytes of every file by its path, and every folder.
  std::map<std::string, std::string> listing() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder()))
      all[entry.path().lexically_relative(folder()).string()] =
          entry.is_regular_file() ? read_file(entry.path()) : std::string("not a file");
    return all;
  }

 private:
  test::TemporaryFolder temporary_;
  std::filesystem::path root_ = temporary_.path();
};

}  // namespace scorematch::testing_support
