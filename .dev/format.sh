# shellcheck shell=bash
# format [--check]: runs clang-format on the sources. Other versions than this one format some lines differently.
format_version=14

find_clang_format() {
  for clang_format in "clang-format-$format_version" clang-format; do
    [[ "$("$clang_format" --version 2>/dev/null)" != *"version $format_version."* ]] || return 0
  done
  return 1
}

mode=(-i)
if [[ ${1-} == --check ]]; then
  mode=(--dry-run --Werror)
fi
if ! find_clang_format; then
  say "clang-format $format_version is not installed: nothing was checked"
  exit 77 # ctest: skipped
fi
find bench docs include kernels src tests -type f \
  \( -name '*.c' -o -name '*.cpp' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' \) -print0 |
  xargs --null "$clang_format" "${mode[@]}"
