#!/usr/bin/env python3
"""Checks the include graph: no circle, and no include of a higher layer or of a part beside the file's own.

    include_graph.py REPOSITORY

A file may include files of its own part and of lower layers. An include that goes another way states its reason behind
it or on the line above, as `// upward: reason`. Prints the counts; the exit status is 1 if anything is wrong.
"""
import pathlib
import re
import sys

# From the bottom to the top. Parts of one layer know nothing of each other.
LAYERS = [
    ["include"],  # the public API: data and classes; KERNEL_HEADERS are all that the kernels may know of it
    ["kernels", "src/checks"],  # device code; how bad arguments and descriptions are refused
    ["src/model"],  # what follows from descriptions: parameters, needs, an objective's terms
    ["src/engine", "src/formats"],  # the backend interface and what engines share; file formats
    ["src/reference", "src/cpu", "src/cuda", "src/samplers"],  # the engines; samplers, on top of the backend interface
    ["src/plans"],  # the public plans: validate, then call the engine's program
    ["src/c", "src/cli"],  # the C interface, the command
    ["tests"],
]
ROOTS = ["include", "src", "kernels", "tests"]  # where quoted includes are looked for
SOURCES = {".h", ".cpp", ".cu", ".cuh"}
KERNEL_HEADERS = {  # plain data and functions
    "include/scorematch/choices.h",
    "include/scorematch/distinct.h",
    "include/scorematch/noise_table.h",
    "include/scorematch/philox.h",
}
# The plans stand on top of the engines, though their headers are part of the API.
PLAN_HEADERS = {
    f"include/scorematch/{name}.h" for name in ("loss", "score", "head", "perturbation", "sampler", "likelihood", "scorematch")
}
KNOW_NO_PLAN = ["include", "src/checks", "src/model", "src/engine", "src/reference", "src/cpu", "src/cuda"]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"(.*)$')


def layer_of(path):
    """(rank, part) of a repository path, or None."""
    for rank, parts in enumerate(LAYERS):
        for part in parts:
            if path.startswith(part + "/"):
                return rank, part
    return None


def includes_of(repository, path):
    """(line number, included repository path, whether a reason stands beside it)."""
    lines = (repository / path).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        beside = match.group(2) + (lines[number - 2] if number > 1 else "")
        roots = [repository / root for root in ROOTS] + [(repository / path).parent]
        found = next((root / match.group(1) for root in roots if (root / match.group(1)).is_file()), None)
        if found is not None:
            yield number, found.resolve().relative_to(repository).as_posix(), "// upward: " in beside


def graph_of(repository):
    """Each source file with its includes."""
    files = sorted(
        path.relative_to(repository).as_posix()
        for root in ROOTS[:-1]
        for path in (repository / root).rglob("*")
        if path.suffix in SOURCES
    )
    return {path: list(includes_of(repository, path)) for path in files}


def is_allowed(path, included):
    if path.startswith("kernels/") and included.startswith("include/"):
        return included in KERNEL_HEADERS
    (rank, part), (other_rank, other_part) = layer_of(path), layer_of(included)
    if included in PLAN_HEADERS and part in KNOW_NO_PLAN:
        return path == "include/scorematch/scorematch.h"
    if other_part == "kernels":
        return part in ("kernels", "src/cuda")
    return part == other_part or other_rank < rank


def circles_of(graph):
    """Each circle of includes once, as a list of files."""
    circles, state, stack = [], {}, []

    def visit(path):
        state[path] = "open"
        stack.append(path)
        for _, included, _ in graph.get(path, []):
            if state.get(included) == "open":
                circles.append(stack[stack.index(included) :] + [included])
            elif included not in state:
                visit(included)
        stack.pop()
        state[path] = "done"

    for path in graph:
        if path not in state:
            visit(path)
    return circles


def main(repository):
    graph = graph_of(repository)
    upward, excused = [], 0
    for path, includes in graph.items():
        if layer_of(path) is None:
            upward.append(f"{path}: expected a file of one of the layers in {pathlib.Path(__file__).name}")
            continue
        for number, included, has_reason in includes:
            if layer_of(included) is None or is_allowed(path, included):
                continue
            excused += has_reason
            if not has_reason:
                upward.append(f"{path}:{number}: includes {included}, which is not below it")
    circles = circles_of(graph)
    for line in upward:
        print(line)
    for circle in circles:
        print("circle: " + " -> ".join(circle))
    edges = sum(len(includes) for includes in graph.values())
    print(
        f"{len(graph)} files, {edges} includes, {len(circles)} circles, {len(upward)} upward includes,"
        f" {excused} more with a reason"
    )
    return 1 if upward or circles else 0


if __name__ == "__main__":
    sys.setrecursionlimit(10000)
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
