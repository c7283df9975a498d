# shellcheck shell=bash
# What results are labelled with: this machine and this commit.

# of_processor key: the value of its first line in /proc/cpuinfo.
of_processor() {
  sed -n "s/^$1[[:space:]]*: *//p" /proc/cpuinfo 2>/dev/null | head -n 1
}

# With family and model: hypervisors give many processors the same name.
processor() {
  local name family
  name=$(of_processor 'model name')
  family=$(of_processor 'cpu family')
  say "${name:-$(uname -m)}${family:+ family $family model $(of_processor model)}"
}

# The folder of this machine's results: its processor and how many it has.
device_name() {
  say "$(processor) x$(nproc)" | tr '[:upper:]' '[:lower:]' | sed 's/([^)]*)//g; s/[^a-z0-9]\+/-/g; s/-$//'
}

# The commit that is measured, and whether there are changes to it. Results and pages do not count.
measured_commit() {
  local changes
  changes=$(git status --porcelain --untracked-files=no -- . ':!bench/results' ':!docs' 2>/dev/null) || changes=
  say "$(git rev-parse --short HEAD 2>/dev/null || say unknown)${changes:+ and changes}"
}
