"""One framework in a process of its own, which sleeps unless it is asked: no thread of it spins while another is timed.

Requests and answers are a line of JSON each:
  {"do": "forms", "job"}                      the names of the job's forms; those of the job before are gone
  {"do": "check", "form", "case", "expected"} makes a form and runs a case of the job's own shape; the answer has its error
  {"do": "time", "form", "seconds"}           the median of the calls in a slice, by the very object that was checked
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from statistics import median

import numpy as np
from safetensors.numpy import load_file

from job import Job

# Compilers that watch a function run settle after some calls only; of a slow step fewer have to do.
WARM_UP_CALLS, WARM_UP_SECONDS = 10, 3.0


def relative_error(loss: float, grads: list[np.ndarray], wanted: dict[str, np.ndarray]) -> float:
    """The loss's, relative to it or 1, and each gradient's, relative to the largest element of its layer's."""
    expected = float(wanted["loss"][0])
    error = abs(loss - expected) / max(1.0, abs(expected))
    for k, got in enumerate(grads):
        grad = wanted[f"grad.layers.{k // 2}.{'bias' if k % 2 else 'weight'}"]
        scale = max(float(np.abs(wanted[f"grad.layers.{k // 2}.weight"]).max()), 1e-30)
        error = max(error, float(np.abs(got - grad).max()) / scale)
    return error


class Worker:
    def __init__(self, framework: str, threads: int) -> None:
        self.module = importlib.import_module(f"{framework}_forms")
        self.versions = self.module.prepare(threads)
        self.makers: dict = {}
        self.made: dict = {}
        self.warm: set[str] = set()

    def forms(self, job: str) -> dict:
        self.made.clear()
        self.warm.clear()
        self.module.forget()
        self.makers = self.module.forms(Job.parse(job))
        return {"forms": list(self.makers)}

    def check(self, form: str, case: str, expected: str) -> dict:
        arrays = load_file(case)
        made = self.makers[form](arrays)
        error = relative_error(*made.evaluate(arrays), load_file(expected))
        self.made[form] = made
        return {"error": error}

    def time(self, form: str, seconds: float) -> dict:
        step, times = self.made[form].step, []
        if form not in self.warm:
            end = time.perf_counter() + WARM_UP_SECONDS
            for _ in range(WARM_UP_CALLS):
                step()
                if time.perf_counter() > end:
                    break
            self.warm.add(form)
        step()  # others had the caches since
        end = time.perf_counter() + seconds
        while not times or time.perf_counter() < end:
            begin = time.perf_counter()
            step()
            times.append(time.perf_counter() - begin)
        return {"ms": 1e3 * median(times)}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")  # what a framework prints goes elsewhere
    os.dup2(2, 1)
    worker = Worker(sys.argv[1], int(sys.argv[2]))
    print(json.dumps({"versions": worker.versions}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        do = {"forms": worker.forms, "check": worker.check, "time": worker.time}[request.pop("do")]
        try:
            answer = do(**request)
        except Exception as error:  # a form may be refused: that is a result too
            answer = {"refused": " ".join(str(error).split())[:200] or type(error).__name__}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
