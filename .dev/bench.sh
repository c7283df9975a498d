# shellcheck shell=bash
# bench [--quick] [--peers] [Google Benchmark's options]: 15 minutes, or under 2 with --quick, plus the time of --peers.
source .dev/machine.bash

# measure name program arguments...: writes the program's results, with the device and commit, to $results/name.json.
measure() {
  local name=$1 program=$2
  shift 2
  say "" "== $name"
  "build/release/bin/$program" --benchmark_report_aggregates_only=true --benchmark_out="$results/$name.json" --benchmark_out_format=json \
    --benchmark_context=device="$(processor)",commit="$(measured_commit)" "$@"
}

quick=no peers=no results=bench/results/$(device_name)
slices=(--benchmark_min_time=0.1 --benchmark_repetitions=5)
options=()
comparison=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --quick) quick=yes ;;
    --peers) peers=yes ;;
    *) options+=("$1") ;;
  esac
  shift
done
need "${build_packages[@]}" libbenchmark-dev
build_release -DSCOREMATCH_BUILD_BENCH=ON
if [[ $quick == yes ]]; then
  results=build/bench # quick results are not for the repository
  slices=(--benchmark_min_time=0.05 --benchmark_repetitions=3)
  comparison=(--quick --rounds 3)
fi
mkdir -p "$results"
if [[ $quick == yes ]]; then
  measure suite loss_bench --suite=quick "${slices[@]}" "${options[@]}"
else
  measure suite loss_bench --suite=full "${slices[@]}" "${options[@]}"
  measure parts parts_bench "${slices[@]}" "${options[@]}"
  measure growth loss_bench --suite=growth --benchmark_min_time=0.05 --benchmark_repetitions=3 "${options[@]}"
fi
if [[ $peers == yes ]]; then
  need python3-venv
  [[ -x build/peers/bin/python ]] || python3 -m venv build/peers
  build/peers/bin/pip install --quiet --requirement bench/peers/requirements.txt
  build/peers/bin/python bench/peers/compare.py --build build/release --out "$results/peers.json" \
    --device "$(processor)" --commit "$(measured_commit)" "${comparison[@]}"
fi
say "" "$results"
