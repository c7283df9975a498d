# shellcheck shell=bash
# Everything that ./dev test does not run: more shapes, seeded faults, sanitizers, nvcc, packages, documentation, and the
# cpu engine for aarch64.
source .dev/aarch64.bash
no_arguments "$@"
need "${build_packages[@]}" libgtest-dev python3-numpy libbenchmark-dev binutils clang clang-format doxygen dpkg-dev \
  pkg-config
want libopenmpi-dev openmpi-bin # for training in several processes
want libtorch-dev python3-torch # for the examples of other frameworks
want python3-venv # for the Python package
want "${aarch64_packages[@]}"
need_presets
use_ccache
export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL-$(nproc)}

# Tests of the code that nvcc compiles, and tests that need a static library. This is the build of ./dev test with other
# options, so that the host's code is compiled once.
check_labels='^(bench|consumer|gpu|mpi|nvcc|ptx)$'
stage "configure with nvcc" cmake --preset check -B build/test
stage "build with nvcc" cmake --build build/test --target check_tests
stage "test what nvcc compiled" ctest --test-dir build/test --output-on-failure --no-tests=error \
  --label-regex "$check_labels"

# The same build with its own options again, and the targets that its quick tests did not need.
stage "configure the rest of ./dev test" cmake --preset test
stage "build the rest of ./dev test" cmake --build --preset test-all
stage "test at full size" ctest --preset test-all

for sanitizer in asan tsan; do
  stage "configure $sanitizer" cmake --preset "$sanitizer"
  stage "build $sanitizer" cmake --build --preset "$sanitizer"
  stage "test $sanitizer" ctest --preset "$sanitizer"
done

# Four minutes of CPU time without a compiler cache.
if have_aarch64; then
  test_aarch64
else
  say "" "The tests for aarch64 are skipped: ${aarch64_packages[*]}, or Debian's packages for arm64, are not available."
fi
say_stages
