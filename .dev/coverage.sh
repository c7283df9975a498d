# shellcheck shell=bash
# Which lines of the library and the command the tests run, into build/coverage/html.
no_arguments "$@"
# The percentage of lines of include and src that the tests must run; src/cuda runs on the executor, which counts for
# itself.
least_coverage=90
need "${build_packages[@]}" libgtest-dev python3-numpy gcovr
need_presets
use_ccache
cmake --preset coverage
cmake --build --preset coverage
find build/coverage -name '*.gcda' -delete # counts of earlier runs add up
ctest --preset coverage --parallel "${CTEST_PARALLEL_LEVEL-$(nproc)}"
mkdir -p build/coverage/html
gcovr --root . --object-directory build/coverage --filter 'include/' --filter 'src/' --exclude 'src/cuda/' \
  --exclude-unreachable-branches --print-summary --html-details build/coverage/html/index.html \
  --txt build/coverage/coverage.txt --fail-under-line "$least_coverage" build/coverage
say "build/coverage/html/index.html"
