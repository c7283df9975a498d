# shellcheck shell=bash
# Builds the library and the command, and of both a Debian package and a Python wheel, in build/package.
no_arguments "$@"
need "${build_packages[@]}" dpkg-dev python3-venv
need_presets
use_ccache
choose_cuda
cmake --preset package -DSCOREMATCH_CUDA="$cuda"
cmake --build --preset package
cpack --preset package

# The wheel has the same library and command.
prefix=$PWD/build/package/prefix
rm -rf "$prefix" build/package/*.whl
cmake --install build/package --prefix "$prefix" --strip >/dev/null
[[ -x build/package/venv/bin/python ]] || python3 -m venv build/package/venv
build/package/venv/bin/python -m pip wheel --quiet --no-deps --wheel-dir build/package \
  --config-settings=cmake.define.SCOREMATCH_PREFIX="$prefix" .
ls build/package/*.deb build/package/*.whl
