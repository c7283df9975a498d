# shellcheck shell=bash
# On a machine with a GPU: builds, tests and times the kernels there.
source .dev/machine.bash
source bench/gpu_stages.sh
gpu_stages "$@"
