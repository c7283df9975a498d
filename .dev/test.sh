# shellcheck shell=bash
# Runs the quick tests: every public feature on every engine that needs no GPU, in one build, within 8 minutes on two
# cores.
no_arguments "$@"
need "${build_packages[@]}" libgtest-dev python3-numpy
need_presets
use_ccache
export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL-$(nproc)}
say "./dev test: three stages, together at most 8 minutes on two cores"
stage "configure" cmake --preset test
stage "build" cmake --build --preset test
stage "test" ctest --preset test
say_stages
