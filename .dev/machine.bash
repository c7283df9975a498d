# shellcheck shell=bash
# The labels of results: this machine and this commit.

# of_processor key: the value of the key's first line in /proc/cpuinfo.
of_processor() {
  sed -n "s/^$1[[:space:]]*: *//p" /proc/cpuinfo 2>/dev/null | head -n 1
}

# The name with family and model, because hypervisors give many processors the same name.
processor() {
  local name family
  name=$(of_processor 'model name')
  family=$(of_processor 'cpu family')
  say "${name:-$(uname -m)}${family:+ family $family model $(of_processor model)}"
}

# The folder of this machine's results: its processor, and how many of them.
device_name() {
  say "$(processor) x$(nproc)" | tr '[:upper:]' '[:lower:]' | sed 's/([^)]*)//g; s/[^a-z0-9]\+/-/g; s/-$//'
}

# The commit that is measured, and whether the files differ from it. Results and documents do not count.
measured_commit() {
  local changes
  changes=$(git status --porcelain --untracked-files=no -- . ':!bench/results' ':!docs' 2>/dev/null) || changes=
  say "$(git rev-parse --short HEAD 2>/dev/null || say unknown)${changes:+ and changes}"
}
