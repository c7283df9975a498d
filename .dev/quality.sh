# shellcheck shell=bash
# quality [options of bench/quality/quality.py]. With --command PATH, measures that command and builds nothing.
source .dev/machine.bash
builds=yes
need "${build_packages[@]}" python3-numpy python3-matplotlib
for option in "$@"; do
  case $option in
    --command | --command=* | --from-record | --from-record=* | --help | -h) builds=no ;;
  esac
done
[[ $builds == no ]] || build_release
/usr/bin/python3 bench/quality/quality.py --device "$(processor)" --commit "$(measured_commit)" "$@"
