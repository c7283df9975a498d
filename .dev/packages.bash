# shellcheck shell=bash
# Installs packages on Debian and Ubuntu.

is_installed() { [[ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]; }

# Sets `as_root` to the prefix of a command that needs root privileges; false if these are not available.
find_root() {
  as_root=()
  [[ $EUID -eq 0 ]] && return
  command -v sudo >/dev/null || return
  as_root=(sudo)
  on_terminal || sudo --non-interactive true 2>/dev/null
}

install_packages() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
}

# have_candidates package...: whether the package lists have all of these.
have_candidates() {
  local package
  for package in "$@"; do
    apt-cache policy "$package" 2>/dev/null | grep 'Candidate: [^(]' >/dev/null || return
  done
}

# need package...: installs the missing ones.
need() {
  local package missing=() answer
  if ! command -v apt-get >/dev/null; then
    say "This is neither Debian nor Ubuntu. The following packages are needed (Debian names): $*"
    for package in "$@"; do
      case $package in
        g++ | cmake | doxygen) command -v "$package" >/dev/null || die "$package is not installed" ;;
      esac
    done
    return
  fi
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0

  say "Missing packages: ${missing[*]}"
  if ! find_root; then
    say "Installing them needs root privileges. Run this command, then try again:"
    say "  sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}"
    exit 1
  fi
  if [[ $yes == no ]] && on_terminal; then
    read -r -p "Install them with apt-get? [Y/n] " answer
    [[ ${answer:-y} == [Yy]* ]] || die "these packages are needed"
  fi
  # Old or missing package lists are updated first.
  if have_candidates "${missing[@]}"; then
    install_packages "${missing[@]}" && return
  fi
  "${as_root[@]}" apt-get update
  install_packages "${missing[@]}"
}

# want package...: installs the available ones. Tests that need the others are skipped.
want() {
  local package there=()
  command -v apt-get >/dev/null || return 0
  for package in "$@"; do
    if is_installed "$package"; then continue; fi
    if find_root && { have_candidates "$package" || { "${as_root[@]}" apt-get update && have_candidates "$package"; }; }; then
      there+=("$package")
    else
      say "Not installed and not available: $package. Its tests are skipped."
    fi
  done
  [[ ${#there[@]} -eq 0 ]] || need "${there[@]}"
}
