# shellcheck shell=bash
# The stages of ./dev gpu, which sources this file. Every stage has a time limit, and the record is written before each
# one starts, so an interrupted run keeps its results. OUT receives record.json, log.txt, suite.json, sanitizers.txt and
# peers.json; everything else stays in $found.

build=build/gpu
found=$build/found

# Time limits in seconds: the quick call, each part of the full call, one test.
quick_seconds=${SCOREMATCH_GPU_SECONDS-230}
part_seconds=${SCOREMATCH_GPU_SECONDS-290}
test_seconds=${SCOREMATCH_GPU_TEST_TIMEOUT-60}

# record [stage]: writes the results so far. The stage is about to start; without one the run is complete.
record() {
  cmake -DSOURCE="$PWD" -DBUILD="$PWD/$build" -DFOUND="$PWD/$found" -DOUT="$out" -DCALL="$call" -DGENERATOR="$generator" \
    -DRUNNING="${1-}" -P bench/gpu_record.cmake
}

# left seconds: that many, or what remains before the deadline.
left() {
  local rest=$((deadline - SECONDS))
  say $((rest < $1 ? rest : $1))
}

# stage name seconds command...: runs the command and adds its time and status to stages.txt. Status 124 is a timeout,
# also when no time was left to start.
stage() {
  local name=$1 limit began=$SECONDS status=124
  limit=$(left "$2")
  shift 2
  say "" "== $name"
  if ((limit > 0)); then
    record "$name"
    status=0
    timeout --kill-after=10 "$limit" "$@" || status=$?
  fi
  say "$name $((SECONDS - began)) $status" >>"$found/stages.txt"
  return "$status"
}

# configure ON|OFF: with or without the command. The cpu engine is slow to build and not under test.
configure() {
  stage configure 60 cmake -S . -B "$build" -G "$generator" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CUDA_ARCHITECTURES="$architecture" -DSCOREMATCH_CUDA=ON -DSCOREMATCH_CPU=OFF \
    -DSCOREMATCH_BUILD_COMMAND="$1" -DSCOREMATCH_BUILD_TESTS=ON -DSCOREMATCH_BUILD_EXAMPLES=ON \
    -DSCOREMATCH_BUILD_BENCH=ON -DSCOREMATCH_GPU_TEST_TIMEOUT="$test_seconds"
}

# compile name seconds targets...: keeps going after an error, so one broken target does not block the others.
compile() {
  local name=$1 limit=$2
  shift 2
  stage "$name" "$limit" cmake --build "$build" --parallel "$(nproc)" --target "$@" -- "${keep_going[@]}"
}

# tests_of stage: a regular expression for the names of its tests. The launch stage runs a single small kernel.
tests_of() {
  case $1 in
    launch) say '^gpu\.PtxConformance\.Conversions$' ;;
    agreement) say '^gpu\.(Of/CudaRoute|CudaAgreement|CudaEnergyAgreement|CudaGolden)\.' ;;
    conformance) say '^gpu\.(PtxConformance|WarpProduct|CudaGemm)\.' ;;
    determinism) say '^gpu\.CudaStream\.SameBits' ;;
    replay) say '^gpu\.CudaStream\.(Replays|Records|Refuses)' ;;
  esac
}
test_stages=(agreement conformance determinism replay)

# ctest_stage name seconds selection...: --stop-time lets ctest write its results before the stage times out; a killed
# ctest writes none.
ctest_stage() {
  local name=$1 seconds
  seconds=$(left "$2")
  shift 2
  stage "$name" "$seconds" ctest --test-dir "$build" --no-tests=error --parallel 8 --output-on-failure \
    --stop-time "$(date --date="+$((seconds > 6 ? seconds - 5 : 1)) seconds" +%T)" \
    --output-junit "$PWD/$found/$name.xml" "$@"
}

quick_part() {
  local each
  deadline=$((SECONDS + quick_seconds))
  configure OFF || return
  compile build "$quick_seconds" ptx_conformance_test # includes the library, which takes longest
  ctest_stage launch 20 --tests-regex "$(tests_of launch)"
  compile build_rest 90 cuda_route_test cuda_agreement_test cuda_golden_test cuda_gemm_test product_test \
    cuda_stream_test cuda_bench
  for each in "${test_stages[@]}"; do
    ctest_stage "$each" 40 --tests-regex "$(tests_of "$each")"
  done
  stage benchmarks 90 "$build/bin/cuda_bench" --benchmark_out="$out/suite.json" --benchmark_out_format=json \
    --benchmark_context=device="$device",commit="$(measured_commit)"
}

# outside name seconds project: builds and runs a project of docs/examples.
outside() {
  stage "$1" "$2" cmake -DSTEP=outside -DSOURCE="$PWD" -DPROJECT="docs/examples/$3" \
    -DARGS="-DCMAKE_BUILD_TYPE=Release;-DCMAKE_PREFIX_PATH=$PWD/$build/prefix;-DCMAKE_CUDA_ARCHITECTURES=80-virtual" \
    -DWORK="$PWD/$build/$3" -P tests/package/consumer/run.cmake
}

tests_part() {
  local each others=
  deadline=$((SECONDS + part_seconds))
  configure OFF || return
  compile build "$part_seconds" ptx_conformance_test
  ctest_stage launch 20 --tests-regex "$(tests_of launch)"
  compile build_rest 120 gpu_tests examples
  for each in "${test_stages[@]}"; do
    ctest_stage "$each" 60 --tests-regex "$(tests_of "$each")"
    others+="$(tests_of "$each")|"
  done
  ctest_stage others 90 --tests-regex '^gpu\.' --exclude-regex "${others%|}"
  ctest_stage examples 40 --label-regex '^example$'
  # The programs of docs/cuda.md, built against an installed library as a user would.
  stage install 20 cmake -DSTEP=install_main -DMAIN="$PWD/$build" -DPREFIX="$PWD/$build/prefix" \
    -P tests/package/consumer/run.cmake
  outside trainer 40 cuda_trainer
  outside own_network 60 own_network_cuda
}

# What the sanitizers run, one program and its tests per line: every head, Adam, scores and samplers, and whole steps,
# eager and recorded, on about thirty small shapes. racecheck is slow and runs only a few of them.
sanitized=(
  'head_test *OnEveryEngine*'
  'adam_test *FollowThePapers/cuda'
  'score_test *DrawsTheDirectionsOfTheDirectionPlan/cuda'
  'cuda_split_test CudaLossCall.GathersRows:CudaLossCall.OutputsAreThoseAskedFor:CudaLossCall.TakesPaddedAndUnalignedViews'
  'cuda_stream_test CudaStream.ReplaysEqualEagerSteps:CudaStream.RecordsASampler'
)
raced=('cuda_split_test CudaLossCall.GathersRows' 'cuda_stream_test CudaStream.ReplaysEqualEagerSteps')

# compute-sanitizer's messages about a device or driver that it does not support.
unsupported='^=+ .*((device|driver).*(not |un)supported|unsupported.*(device|driver))'

# verdict_of file status: a filter that selects no test, or only skipped ones, counts as failed.
verdict_of() {
  if [[ $2 -eq 0 ]] && grep --quiet '^\[  PASSED  \] [1-9]' "$1"; then
    say passed
  elif grep --invert-match --ignore-case warning "$1" | grep --ignore-case --extended-regexp "$unsupported" >/dev/null; then
    say unsupported
  elif [[ $2 -eq 124 || $2 -eq 137 ]]; then
    say "timed out"
  else
    say failed
  fi
}

# sanitize tool seconds: runs compute-sanitizer and adds its verdict to sanitizer.txt.
sanitize() {
  local tool=$1 end=$((SECONDS + $2)) verdict=passed each status selected=("${sanitized[@]}")
  [[ $tool != racecheck ]] || selected=("${raced[@]}")
  command -v compute-sanitizer >/dev/null || verdict="not installed"
  for each in "${selected[@]}"; do
    [[ $verdict == passed ]] || break
    status=0
    SCOREMATCH_NEEDS_GPU=1 timeout --kill-after=10 $((end > SECONDS ? end - SECONDS : 1)) \
      compute-sanitizer --tool "$tool" --error-exitcode 9 "$build/bin/${each%% *}" --gtest_filter="${each#* }" \
      >"$found/$tool.part" 2>&1 || status=$?
    verdict=$(verdict_of "$found/$tool.part" "$status")
    head --bytes=1000000 "$found/$tool.part" >>"$found/$tool.txt"
  done
  say "$tool $verdict" >>"$found/sanitizer.txt"
}

sanitize_part() {
  local tools=(memcheck initcheck synccheck racecheck) pids=() each began seconds
  deadline=$((SECONDS + part_seconds))
  configure OFF || return
  compile build "$part_seconds" head_test adam_test score_test cuda_split_test cuda_stream_test
  began=$SECONDS
  seconds=$(left 150)
  record sanitizers
  for each in "${tools[@]}"; do # all at once, since they spend most of their time on the host
    sanitize "$each" "$seconds" &
    pids+=($!)
  done
  for each in "${pids[@]}"; do # a plain wait would also wait for tee, which does not end
    wait "$each"
    record sanitizers
  done
  cat "$found"/{mem,init,sync,race}check.txt 2>/dev/null | tee "$out/sanitizers.txt"
  say "sanitizers $((SECONDS - began)) 0" >>"$found/stages.txt"
}

# The packages for bench/peers that this python3 does not have.
missing_peers() {
  python3 -c 'import importlib.util as u
print(*[name for name in ("torch", "jax", "numpy", "safetensors") if u.find_spec(name) is None])' || say python3
}

peers_part() {
  local missing
  deadline=$((SECONDS + part_seconds))
  missing=$(missing_peers)
  if [[ -n $missing ]]; then
    say "not installed: $missing" | tee "$found/peers.txt"
    return
  fi
  configure ON || return
  compile build "$part_seconds" scorematch_command cuda_bench
  stage peers "$part_seconds" python3 bench/peers/compare.py --build "$build" --engine cuda-fp32 --quick --rounds 3 \
    --out "$out/peers.json" --device "$device" --commit "$(measured_commit)"
  rm -f "$out/peers.part"
}

# use_deps folder: what ./dev gpu-deps unpacked there, if anything.
use_deps() {
  [[ -d $1/usr ]] || return 0
  local deps libraries
  deps=$(cd "$1" && pwd)
  libraries=$deps/usr/lib/$(gcc -print-multiarch)
  export CMAKE_PREFIX_PATH=$deps/usr${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}
  export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
}

choose_generator() {
  generator="Unix Makefiles" keep_going=(-k)
  if command -v ninja >/dev/null; then
    generator=Ninja keep_going=(-k 0)
  fi
}

# The first device and its architecture: sm_90a for 9.0, to have Hopper's own instructions.
find_device() {
  nvidia-smi --query-gpu=name,driver_version,compute_cap --format=csv,noheader >"$found/device.txt" ||
    die "gpu: expected a GPU, got the message of nvidia-smi above"
  IFS=, read -r device _ architecture <"$found/device.txt"
  architecture=${architecture//[ .]/}
  [[ $architecture != 90 ]] || architecture=90a
  architecture+=-real
}

# gpu_stages OUT [quick | full [tests | sanitize | peers]] [--deps DIR]
gpu_stages() {
  local out call deps=.deps words=() parts each generator keep_going device architecture deadline log status
  while [[ $# -gt 0 ]]; do
    case $1 in
      --deps)
        [[ $# -gt 1 ]] || die "gpu: expected a folder after --deps"
        deps=$2
        shift
        ;;
      *) words+=("$1") ;;
    esac
    shift
  done
  [[ ${#words[@]} -gt 0 ]] || die "gpu: expected a folder for the results: ./dev gpu OUT"
  call="${words[*]:1}"
  call=${call:-quick}
  case $call in
    quick) parts=(quick) ;;
    full) parts=(tests sanitize peers) ;;
    full\ tests | full\ sanitize | full\ peers) parts=("${call#full }") ;;
    *) die "gpu: expected quick, full, full tests, full sanitize or full peers, got '$call'" ;;
  esac
  PATH=$PATH:/usr/local/cuda/bin
  command -v nvcc >/dev/null || die "gpu: expected a CUDA toolkit, got no nvcc"

  mkdir -p "${words[0]}"
  out=$(cd "${words[0]}" && pwd)
  rm -rf "$found" "$out"/{record.json,suite.json,sanitizers.txt,peers.json}
  mkdir -p "$found"
  exec > >(tee "$out/log.txt") 2>&1
  log=$!
  nvcc --version >"$found/nvcc.txt"
  find_device
  use_deps "$deps"
  use_ccache
  choose_generator
  set +e # from here on the record reports failures
  for each in "${parts[@]}"; do
    "${each}_part"
  done
  record
  status=$?
  exec >&- 2>&-
  wait "$log" # otherwise the log could lose its last lines
  return "$status"
}
