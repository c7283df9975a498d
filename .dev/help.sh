# shellcheck shell=bash
cat <<'END'
For visitors
  ./dev quickstart      build, train a model of handwritten digits and draw new ones, into out/quickstart
  ./dev test            build and run the quick tests: every feature, in at most 8 minutes on two cores

For developers
  ./dev check           everything else: full size, seeded faults, sanitizers, nvcc, packages, documents,
                        aarch64, in about 50 minutes on two cores
  ./dev format [--check]
                        format the sources with clang-format; with --check only report what would change
  ./dev docs            write Doxygen's reference pages to build/docs; warnings are errors
  ./dev soak [MINUTES]  repeat the random tests with fresh seeds, for an hour or the given minutes
  ./dev coverage        report which lines of the library and the command the tests run, in build/coverage/html
  ./dev aarch64         build the cpu engine for aarch64 and run its tests under emulation; ./dev check does this, too
  ./dev package         build a Debian package of the library and the command, and a Python wheel, in build/package

Measurements
  ./dev bench [--quick] [--peers] [...]
                        measure this machine, into bench/results; with --quick into build/bench; with --peers also
                        PyTorch and JAX. Other options go to Google Benchmark (--benchmark_filter=dsm)
  ./dev quality [--quick] [--sets a,b] [--seeds 3,4,5] [--out DIR] [--jobs N] [...]
                        measure how well the command, with its defaults, learns data of known distribution: within an
                        hour, or a minute with --quick. A complete run writes docs/quality.md. --help lists the
                        options
  ./dev report [--check]
                        write the tables and plots of docs/performance.md from bench/results

On a machine with a GPU (docs/cuda.md)
  ./dev gpu OUT [quick | full [tests | sanitize | peers]] [--deps DIR]
                        quick: check that kernels launch and agree, and time them, within four minutes. full: every
                        test, the sanitizers, PyTorch and JAX, five minutes per part. OUT/record.json always has the
                        results so far
  ./dev gpu-deps        unpack what ./dev gpu needs besides the CUDA toolkit into .deps, for machines without a network

On Debian and Ubuntu, ./dev installs missing packages; on a terminal it asks first. --yes after the subcommand installs
them without asking.
END
