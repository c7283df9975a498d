# shellcheck shell=bash
cat <<'END'
For visitors
  ./dev quickstart      build, train a model of handwritten digits and draw new ones, into out/quickstart
  ./dev test            build and run the quick tests: every feature, in at most 8 minutes on two cores

For developers
  ./dev check           everything else: more shapes, seeded faults, sanitizers, nvcc, packages, documentation; with
                        ./dev test at most 45 minutes on two cores
  ./dev format [--check]
                        format the sources with clang-format; with --check only report what would change
  ./dev docs            the reference pages by Doxygen, into build/docs; warnings are errors
  ./dev soak [MINUTES]  repeat the random tests with fresh seeds, for an hour or the given minutes
  ./dev coverage        which lines of the library and the command the tests run, into build/coverage/html
  ./dev package         a Debian package of the library and the command, into build/package

Measurements
  ./dev bench [--quick] [--peers] [...]
                        measure this machine, into bench/results; with --quick into build/bench; with --peers beside
                        PyTorch and JAX. More options go to Google Benchmark (--benchmark_filter=dsm)
  ./dev quality [--quick] [--sets a,b] [--seeds 3,4,5] [--out DIR] [--jobs N] [...]
                        what the command learns with its defaults from data of known distribution: within an hour, or a
                        minute with --quick. A complete run writes docs/quality.md. --help shows more options
  ./dev report [--check]
                        write the tables and plots of docs/performance.md from bench/results

On a machine with a GPU (docs/cuda.md)
  ./dev gpu OUT [quick | full [tests | sanitize | peers]] [--deps DIR]
                        quick: check that kernels launch and agree, and time them, within four minutes. full: every
                        test, the sanitizers, PyTorch and JAX, five minutes per part. OUT/record.json always has the
                        results so far
  ./dev gpu-deps        unpack what that needs besides the CUDA toolkit into .deps, for machines without a network

On Debian and Ubuntu, missing packages are installed; on a terminal you are asked first. --yes after the subcommand
installs them without asking.
END
