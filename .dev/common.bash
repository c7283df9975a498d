# shellcheck shell=bash
# Functions that the subcommands of ./dev share.

# The packages that a build needs, by their Debian names.
build_packages=(g++ cmake ninja-build libhwy-dev nlohmann-json3-dev libcli11-dev libeigen3-dev libpng-dev)

say() { printf '%s\n' "$@"; }
die() {
  printf 'dev: %s\n' "$*" >&2
  exit 1
}

# no_arguments argument...: fails if there are any.
no_arguments() { [[ $# -eq 0 ]] || die "$subcommand: unexpected argument '$1'; try ./dev help"; }

on_terminal() { [[ -t 0 && -t 1 ]]; }

# Uses a compiler cache, if there is one.
use_ccache() {
  if command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER-ccache}
    export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS-pch_defines,time_macros} # for precompiled headers
    export CMAKE_CUDA_COMPILER_LAUNCHER=${CMAKE_CUDA_COMPILER_LAUNCHER-ccache}
  fi
}

# Test presets of this form need CMake 3.25; the build itself needs 3.22.
need_presets() {
  local version
  version=$(cmake --version | sed -n '1s/[^0-9]*//p')
  [[ "$(printf '%s\n' 3.25 "$version" | sort --version-sort | head -n 1)" == 3.25 ]] ||
    die "CMake 3.25 or later is needed, but this is $version"
}

# Kernels are compiled only if there is a GPU to run them. Otherwise, compiling them would only take time.
choose_cuda() {
  cuda=OFF
  if nvidia-smi >/dev/null 2>&1; then cuda=AUTO; fi
}

# build_release option...: builds the library and the command, as users build them, in build/release.
build_release() {
  local cuda
  use_ccache
  choose_cuda
  cmake -S . -B build/release -G Ninja -DCMAKE_BUILD_TYPE=Release -DSCOREMATCH_BUILD_TESTS=OFF \
    -DSCOREMATCH_CUDA="$cuda" -DSCOREMATCH_BUILD_BENCH=OFF "$@"
  cmake --build build/release
}

# ---- stages with times -----------------------------------------------------------------------------------------------

minutes() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

stage_times=()

# stage "name" command...: runs the command, and prints its name and how long ./dev has been running.
stage() {
  local name=$1 began=$SECONDS status=0
  shift
  say "" "== $(minutes "$SECONDS") $name"
  "$@" || status=$?
  stage_times+=("$name $(minutes $((SECONDS - began)))")
  [[ $status -eq 0 ]] || die "$subcommand: failed after $(minutes "$SECONDS"): $name"
}

# Prints the times of the stages, after all have passed.
say_stages() {
  say "" "./dev $subcommand passed in $(minutes "$SECONDS"):" "${stage_times[@]/#/  }"
}

# The beginning of ninja's lines: finished steps, all steps, seconds.
export NINJA_STATUS="[%f/%t %es] "
