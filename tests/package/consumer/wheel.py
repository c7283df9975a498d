"""Builds the Python package of an installed library with pip, and tries it in a clean virtual environment.

    wheel.py SOURCE PREFIX WORK    the repository; an installation; the folder to work in

Ends with 77 and "skipped: " with a reason if Python has no venv, or if the packages it needs cannot be downloaded.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TESTS = ("arrays", "loss", "package", "plans", "training")

# Nothing of the sources or of this build may be found by accident.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith("SCOREMATCH_") and name not in ("PYTHONPATH", "LD_LIBRARY_PATH")
} | {"PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def skip(reason: str) -> None:
    print(f"skipped: {reason}")
    sys.exit(77)


def attempt(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    print("$", *command, flush=True)
    run = subprocess.run(
        command, env=ENVIRONMENT | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    print(run.stdout, flush=True)
    return run


def run(*command: str | Path, **environment: str) -> str:
    """The output of a command that must not fail."""
    done = attempt(*command, **environment)
    if done.returncode != 0:
        sys.exit(f"failed with {done.returncode}: {' '.join(map(str, command))}")
    return done.stdout


def make_environment(folder: Path, *options: str) -> Path:
    """A virtual environment's Python."""
    if attempt(sys.executable, "-m", "venv", *options, folder).returncode != 0:
        skip("python3 has no venv (Debian: python3-venv)")
    return folder / "bin" / "python"


def download(python: Path, package: str) -> None:
    if attempt(python, "-m", "pip", "install", "--retries", "1", "--only-binary", ":all:", package).returncode != 0:
        skip(f"{package} is not installed, and pip cannot download it")


def build_wheel(source: Path, prefix: Path, work: Path) -> Path:
    python = make_environment(work / "builder", "--system-site-packages")
    if attempt(python, "-c", "import scikit_build_core").returncode != 0:
        download(python, "scikit-build-core")
    # Without isolation, so that a failure is one of this project and not of a download.
    run(python, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", work,
        f"--config-settings=cmake.define.SCOREMATCH_PREFIX={prefix}", source)
    (wheel,) = work.glob("*.whl")
    return wheel


def expect(pattern: str, text: str) -> None:
    if not re.search(pattern, text):
        sys.exit(f"expected text that matches '{pattern}', got '{text}'")


def main() -> None:
    source, prefix, work = map(Path, sys.argv[1:])
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    os.chdir(work)
    wheel = build_wheel(source, prefix, work)
    header = (source / "include/scorematch/version.h").read_text(encoding="utf-8")
    version = re.search(r'#define SCOREMATCH_VERSION "([^"]+)"', header)[1]
    expect(rf"^scorematch-{version}-py3-none-linux_\w+\.whl$", wheel.name)

    python = make_environment(work / "clean")
    download(python, "numpy")  # what the package depends on
    run(python, "-m", "pip", "install", "--no-index", wheel)
    run(python, "-m", "pip", "check")

    loaded = run(python, "-c", "import scorematch.library as of; print(of.version, of.library._name)")
    expect(rf"^{version} {re.escape(str(work))}/clean/.*/scorematch/lib.*/libscorematch\.so\.\d+\.\d+\n$", loaded)
    expect(rf"^scorematch {version}\n", run(python, "-m", "scorematch", "info"))
    expect(r"^loss \d.* gradient norm \d", run(python, source / "docs/examples/python/ten_lines.py"))
    for test in TESTS:
        run(python, source / f"tests/python/{test}_test.py", SCOREMATCH_TEST_INSTALLED="1")


if __name__ == "__main__":
    main()
