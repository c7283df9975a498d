# shellcheck shell=bash
# Writes Doxygen's pages to build/docs.
no_arguments "$@"
need doxygen
mkdir -p build/docs
doxygen docs/Doxyfile
say "build/docs/html/index.html"
