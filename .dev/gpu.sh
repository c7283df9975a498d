# shellcheck shell=bash
# Builds, tests and times the kernels on a machine with a GPU.
source .dev/machine.bash
source bench/gpu_stages.sh
gpu_stages "$@"
