# shellcheck shell=bash
# Doxygen's pages, into build/docs.
no_arguments "$@"
need doxygen
mkdir -p build/docs
doxygen docs/Doxyfile
say "build/docs/html/index.html"
