#!/usr/bin/env python3
"""Every test of the test programs is in a test of ctest: a file or a filter that is forgotten would lose tests.

    every_test_runs.py CTEST BUILD    BUILD is the build folder; programs that are not built there are left out
"""
from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

PROGRAM = re.compile(r"/bin/\w+_tests$")


def lists_of(ctest: str, build: str) -> dict[str, list[list[str]]]:
    """The options of every call of a program by ctest."""
    shown = subprocess.run([ctest, "--show-only=json-v1"], cwd=build, capture_output=True, text=True, check=True)
    calls: dict[str, list[list[str]]] = defaultdict(list)
    for test in json.loads(shown.stdout)["tests"]:
        command = test.get("command", [])
        for i, word in enumerate(command):
            if PROGRAM.search(word):
                calls[word].append(command[i + 1:])
    return calls


def tests_of(program: str, options: list[str]) -> set[str]:
    listed = subprocess.run([program, *options, "--gtest_list_tests"], capture_output=True, text=True, check=True)
    tests, suite = set(), ""
    for line in listed.stdout.splitlines():
        if line.startswith("  "):
            tests.add(suite + line.split()[0])
        elif re.match(r"[\w/]+\.", line):
            suite = line.split()[0]
    return tests


def main() -> int:
    ctest, build = sys.argv[1:]
    lost, count, programs = [], 0, 0
    for program, calls in lists_of(ctest, build).items():
        if not Path(program).exists():
            continue
        every = tests_of(program, [])
        run = set().union(*(tests_of(program, options) for options in calls))
        lost += [f"{Path(program).name}: {name}" for name in sorted(every - run)]
        count += len(every)
        programs += 1
    for name in lost:
        print(f"no test of ctest runs {name}")
    print(f"{count} tests in {programs} programs, {len(lost)} of which ctest does not run")
    return 1 if lost or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
