# shellcheck shell=bash
# Builds a Debian package of the library and the command in build/package.
no_arguments "$@"
need "${build_packages[@]}" dpkg-dev
need_presets
use_ccache
choose_cuda
cmake --preset package -DSCOREMATCH_CUDA="$cuda"
cmake --build --preset package
cpack --preset package
ls build/package/*.deb
