# shellcheck shell=bash
# The cpu engine for aarch64 on a machine of another kind: Debian's cross compiler, and QEMU to run the tests.

aarch64_packages=(g++-aarch64-linux-gnu qemu-user)

# Unpacks the libraries for aarch64 into .deps/aarch64. apt-get gets package lists of its own there, so that the
# packages and the architectures of this machine stay as they are.
unpack_aarch64() {
  local root=$PWD/.deps/aarch64 apt highway
  [[ ! -f $root/complete ]] || return 0
  rm -rf "$root"
  mkdir -p "$root"/apt/{lists,cache/archives}/partial
  : >"$root/apt/status"
  apt=(-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User= -o Dir::Cache="$root/apt/cache"
    -o Dir::State::lists="$root/apt/lists" -o Dir::State::status="$root/apt/status")
  apt-get "${apt[@]}" --quiet update || return
  # The name of the shared library depends on the release.
  highway=$(apt-cache "${apt[@]}" depends libhwy-dev | sed -n 's/^ *Depends: \(libhwy[0-9][a-z0-9]*\)$/\1/p') || return
  (cd "$root/apt" && apt-get "${apt[@]}" --quiet download libhwy-dev "$highway" libgtest-dev nlohmann-json3-dev) || return
  for package in "$root"/apt/*.deb; do
    dpkg-deb --extract "$package" "$root" || return
  done
  rm -rf "$root/apt"
  touch "$root/complete"
}

# Whether this machine can build and run for aarch64.
have_aarch64() {
  command -v aarch64-linux-gnu-g++ >/dev/null && command -v qemu-aarch64 >/dev/null && unpack_aarch64
}

test_aarch64() {
  stage "configure for aarch64" cmake --preset aarch64
  stage "build for aarch64" cmake --build --preset aarch64
  stage "test for aarch64, by emulation" ctest --preset aarch64
}
