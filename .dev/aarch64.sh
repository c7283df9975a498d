# shellcheck shell=bash
# Builds the cpu engine for aarch64 and runs its tests under emulation.
source .dev/aarch64.bash
no_arguments "$@"
need "${build_packages[@]}" "${aarch64_packages[@]}"
need_presets
use_ccache
export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL-$(nproc)}
stage "unpack libraries for aarch64" unpack_aarch64
test_aarch64
say_stages
