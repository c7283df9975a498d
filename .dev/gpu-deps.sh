# shellcheck shell=bash
# Unpacks headers and libraries, which also work on other distributions, into .deps. The command needs the packages in
# the second line, and the comparison with peers needs the command.
no_arguments "$@"
gpu_packages=(libgtest-dev nlohmann-json3-dev libbenchmark-dev libbenchmark1debian
  libcli11-dev libeigen3-dev libpng-dev libpng16-16 zlib1g-dev)
mkdir -p .deps/packages
(cd .deps/packages && apt-get download "${gpu_packages[@]}")
for package in .deps/packages/*.deb; do
  dpkg-deb --extract "$package" .deps
done
say ".deps"
