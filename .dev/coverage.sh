# shellcheck shell=bash
# Reports which lines of the library and the command the tests run, in build/coverage/html.
no_arguments "$@"
# The percentage of lines of include and src that the tests must run. src/cuda is not counted: it runs on the executor,
# whose coverage is measured separately.
least_coverage=90
need "${build_packages[@]}" libgtest-dev python3-numpy gcovr
need_presets
use_ccache
cmake --preset coverage
cmake --build --preset coverage
find build/coverage -name '*.gcda' -delete # otherwise, the counts of earlier runs would be added
ctest --preset coverage --parallel "${CTEST_PARALLEL_LEVEL-$(nproc)}"
mkdir -p build/coverage/html
gcovr --root . --object-directory build/coverage --filter 'include/' --filter 'src/' --exclude 'src/cuda/' \
  --exclude-unreachable-branches --print-summary --html-details build/coverage/html/index.html \
  --txt build/coverage/coverage.txt --fail-under-line "$least_coverage" build/coverage
say "build/coverage/html/index.html"
