#!/usr/bin/env bash
# Runs ./dev gpu with stand-ins for the GPU, the compilers and the programs. CTest and the record's script are real:
#   gpu_stages_test.sh <cmake> <ctest> <folder to work in>
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export REAL_CMAKE=$1
ctest=$2
work=$3
scenes=0

fail() {
  printf 'gpu_stages_test: %s\n' "$*" >&2
  [[ ! -e $scene/said ]] || tail -n 40 "$scene/said" >&2
  exit 1
}

# stand_in name: puts the script on standard input on the path.
stand_in() {
  mkdir -p "$work/bin"
  {
    say_interpreter
    cat
  } >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}

# The start of every stand-in: kills ./dev if this is the stage END_AT.
say_interpreter() {
  cat <<'END'
#!/usr/bin/env bash
if [[ -n ${END_AT-} ]] && grep --quiet "\"running\" : \"$END_AT\"" "$SCENE/out/record.json" 2>/dev/null; then
  kill -KILL "$(<"$SCENE/pid")"
  exit 1
fi
END
}

rm -rf "$work"
mkdir -p "$work/bin"
ln -s "$ctest" "$work/bin/ctest"
stand_in nvidia-smi <<<'echo "A GPU 9, 580.1, 9.0"'
stand_in nvcc <<<'echo "Cuda compilation tools, release 13.0"'
stand_in gcc <<<'echo here'
stand_in ninja <<<'exit 1'
stand_in python3 <<'END'
if [[ $1 == -c ]]; then
  echo "${MISSING_PEERS-torch jax}"
  exit
fi
while [[ $1 != --out ]]; do shift; done
echo '{"benchmarks": [{"name": "peer"}]}' >"$2"
END
stand_in compute-sanitizer <<'END'
if [[ -n ${UNSUPPORTED-} ]]; then
  echo "========= Error: Device not supported. Please refer to the documentation."
  exit 1
fi
[[ $2 != "${FAULTY_TOOL-}" ]] || exit 9
echo "[  PASSED  ] 1 test."
END
# A test that ctest runs.
stand_in one_test <<'END'
[[ $1 != "${HANGING_TEST-}" ]] || exec sleep 300
END
stand_in a_bench <<'END'
for each in "$@"; do
  case $each in
    --benchmark_out=*) out=${each#*=} ;;
  esac
done
printf '{"benchmarks": [\n{"name": "copy", "real_time": 1, "time_unit": "us"}' >"$out"
[[ -z ${HANGING_BENCH-} ]] || exec sleep 300
printf ']}' >>"$out"
END
stand_in cmake <<'END'
if [[ $* == *gpu_record.cmake ]]; then
  exec "$REAL_CMAKE" "$@"
fi
case $1 in
  -S)
    printf '%s\n' "$@" >"$SCENE/configured"
    limit=$(printf '%s\n' "$@" | sed -n 's/-DSCOREMATCH_GPU_TEST_TIMEOUT=//p')
    for name in PtxConformance.Conversions Of/CudaRoute.Agrees/a CudaStream.SameBitsRunAfterRun \
      CudaStream.ReplaysEqualEagerSteps Head.OnEveryEngine; do
      echo "add_test(gpu.$name one_test $name)"
      echo "set_tests_properties(gpu.$name PROPERTIES LABELS gpu TIMEOUT $limit)"
    done >build/gpu/CTestTestfile.cmake
    echo 'add_test(example.quick one_test quick)
set_tests_properties(example.quick PROPERTIES LABELS example)' >>build/gpu/CTestTestfile.cmake
    [[ -z ${BROKEN_CONFIGURE-} ]] || exit 1
    ;;
  --build)
    [[ -z ${HANGING_BUILD-} ]] || exec sleep 300
    mkdir -p build/gpu/bin
    cp "$(command -v a_bench)" build/gpu/bin/cuda_bench
    ;;
esac
END

# shellcheck disable=SC2016 # the inner shell expands it
start='echo $$ >"$SCENE/pid"; exec "$SCENE/dev" gpu "$SCENE/out" "$@"'

# run [VARIABLE=value...] arguments...: ./dev gpu in a new repository. OUT must then have few files and a valid record.
run() {
  local given=()
  while [[ $1 == *=* ]]; do
    given+=("$1")
    shift
  done
  scenes=$((scenes + 1))
  scene=$work/$scenes
  mkdir -p "$scene"/{bench,kernels}
  cp -r "$source"/{dev,.dev} "$scene"
  cp "$source"/bench/{gpu_stages.sh,gpu_record.cmake,kernel_hash.cmake} "$scene/bench"
  touch "$scene/kernels/a.cu"
  status=0
  # The subshell reports killed processes into the same file.
  (
    env PATH="$work/bin:$PATH" SCENE="$scene" SCOREMATCH_GPU_TEST_TIMEOUT=60 "${given[@]}" bash -c "$start" - "$@"
    exit $?
  ) >"$scene/said" 2>&1 || status=$?
  said="$* ${given[*]}"
  local files=("$scene"/out/*)
  [[ ${#files[@]} -le 8 ]] || fail "$said: expected 8 files at most, got ${files[*]}"
  expect launches '.*'
}

cat >"$work/value.cmake" <<'END'
file(READ ${RECORD} json)
string(JSON value GET "${json}" ${KEYS})
message("${value}")
END

# expect "keys" pattern: the record has such a value under these keys.
expect() {
  local got
  got=$("$REAL_CMAKE" -DRECORD="$scene/out/record.json" -DKEYS="${1// /;}" -P "$work/value.cmake" 2>&1) ||
    fail "$said: no $1 in the record: $got"
  [[ $got =~ ^($2)$ ]] || fail "$said: expected $1 to be '$2', got '$got'"
}
expect_status() { [[ $status -eq $1 ]] || fail "$said: expected to end with $1, got $status"; }

# Complete runs.
run MISSING_PEERS= full
expect_status 0
expect running ''
expect tests 7
expect "sanitizer memcheck" passed
run quick
expect_status 0
expect running ''
expect launches yes
expect failed ''
expect "stages agreement tests" 1
expect "benchmarks benchmarks" '.*"copy".*'
expect generator Ninja
grep --quiet -- '-DCMAKE_CUDA_ARCHITECTURES=90a-real' "$scene/configured" || fail "$said: expected sm_90a"
[[ $(head -n 1 "$scene/out/record.json") == *'"launches" : "yes"'* ]] || fail "$said: expected launches on the first line"

# quick is the default.
run --deps elsewhere
expect call quick

# An interruption in any stage leaves the results of the earlier ones.
for stage in configure build launch build_rest agreement conformance determinism replay benchmarks; do
  run END_AT=$stage quick
  expect_status 137
  expect running "$stage"
  expect failed ''
  [[ $stage == @(configure|build|launch) ]] || expect launches yes
done
for stage in others examples install trainer own_network; do
  run END_AT=$stage full tests
  expect running "$stage"
done
run END_AT=sanitizers full sanitize
expect running sanitizers
run END_AT=peers MISSING_PEERS= full peers
expect running peers

# Sanitizers.
run full sanitize
expect_status 0
expect "sanitizer racecheck" passed
run UNSUPPORTED=1 full sanitize
expect_status 0
expect "sanitizer memcheck" unsupported
run FAULTY_TOOL=initcheck full sanitize
expect_status 1
expect failed initcheck

# Peers.
run full peers
expect_status 0
expect peers 'not installed: torch jax'
run MISSING_PEERS= full peers
expect_status 0
expect "peers benchmarks" '.*"peer".*'

# Tests and stages that hang are stopped. Later stages run, or are recorded as timed out.
run HANGING_TEST=CudaStream.SameBitsRunAfterRun SCOREMATCH_GPU_TEST_TIMEOUT=5 quick
expect_status 1
expect failed_tests gpu.CudaStream.SameBitsRunAfterRun
expect "stages determinism seconds" '[5-9]|1.' # the test's limit, not the stage's
expect "stages replay result" passed
run HANGING_TEST=CudaStream.SameBitsRunAfterRun SCOREMATCH_GPU_SECONDS=20 quick
expect failed_tests gpu.CudaStream.SameBitsRunAfterRun
run HANGING_BENCH=1 SCOREMATCH_GPU_SECONDS=15 quick
expect "stages benchmarks result" "timed out"
expect "benchmarks benchmarks" '.*"copy".*'
run HANGING_BUILD=1 SCOREMATCH_GPU_SECONDS=2 quick
expect "stages build result" "timed out"
expect "stages benchmarks result" "timed out"
run BROKEN_CONFIGURE=1 quick
expect_status 1
expect failed "stage configure"
printf '%s runs\n' "$scenes"
