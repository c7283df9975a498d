# shellcheck shell=bash
# Repeats the random tests with fresh seeds, for an hour or the given number of minutes.
minutes=${1-60} turns=0
[[ $minutes =~ ^[0-9]+$ ]] || die "soak: expected minutes, got '$minutes'"
need "${build_packages[@]}" libgtest-dev python3-numpy
need_presets
use_ccache
cmake --preset test
cmake --build --preset test
random_tests=(kernel_tests "cpu_tests --file=agreement_test")
if build/test/bin/engine_tests --gtest_list_tests | grep --quiet '^CudaAgreement'; then
  random_tests+=("engine_tests --file=cuda_agreement_test")
fi
while ((SECONDS < 60 * minutes)); do
  seed=$(od --address-radix=n --read-bytes=4 --format=u4 /dev/urandom)
  seed=${seed// /}
  for each in "${random_tests[@]}"; do
    # shellcheck disable=SC2086 # a program and its arguments
    SCOREMATCH_TEST_SEED=$seed build/test/bin/$each --gtest_brief=1 >/dev/null ||
      die "failed: SCOREMATCH_TEST_SEED=$seed build/test/bin/$each"
  done
  turns=$((turns + 1))
  say "round $turns, seed $seed, after $((SECONDS / 60)) minutes: all passed"
done
