// Runs a test within a limit of CPU time, so that a slow test fails and a busy machine does not:
//   run_within <seconds> <program> [argument]...
// Counts user and system time of the program and of the children that it waited for. Exits as the program does; with 99
// if it took longer than the limit.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr int kTooSlow = 99;

double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); }

/// The CPU time of the children so far, in seconds.
double cpu_seconds() {
  rusage used = {};
  ::getrusage(RUSAGE_CHILDREN, &used);
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

}  // namespace

int main(int count, char** arguments) {
  const long limit = count > 2 ? std::atol(arguments[1]) : 0;
  if (limit <= 0) {
    std::fprintf(stderr, "run_within: expected seconds and a program, got '%s'\n", count > 1 ? arguments[1] : "");
    return 2;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    // The kernel ends a process that does not end by itself; this limit is per process.
    const rlimit cpu = {static_cast<rlim_t>(limit) + 1, static_cast<rlim_t>(limit) + 2};
    ::setrlimit(RLIMIT_CPU, &cpu);
    ::execvp(arguments[2], arguments + 2);
    std::fprintf(stderr, "run_within: %s: %s\n", arguments[2], std::strerror(errno));
    ::_exit(127);
  }
  int status = 0;
  while (child < 0 || ::waitpid(child, &status, 0) < 0)
    if (child < 0 || errno != EINTR) return std::perror("run_within"), 2;

  const double used = cpu_seconds();
  std::fflush(stdout);
  std::fprintf(stderr, "%.1f s of CPU time, at most %ld allowed\n", used, limit);
  if (used > static_cast<double>(limit)) {
    std::fprintf(stderr, "run_within: the test is too slow for its tier\n");
    return kTooSlow;
  }
  if (WIFSIGNALED(status)) {
    std::fprintf(stderr, "run_within: ended by signal %d, %s\n", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
    return 128 + WTERMSIG(status);
  }
  return WEXITSTATUS(status);
}
