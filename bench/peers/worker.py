"""One framework in a process of its own, which sleeps unless it is asked: no thread of it spins while another is timed.

Requests and answers are a line of JSON each:
  {"do": "check", "job", "form", "case", "expected"}  a small case through the form; the answer has its error
  {"do": "time", "job", "form", "seconds"}            the median of the calls in a slice; made and warmed up at first
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

from job import Job, draw

WARM_UPS = 3


class Worker:
    def __init__(self, framework: str, threads: int) -> None:
        self.module = importlib.import_module(f"{framework}_forms")
        self.versions = self.module.prepare(threads)
        self.made: dict[tuple[str, str], object] = {}

    def check(self, job: str, form: str, case: str, expected: str) -> dict:
        """The largest error of the loss, relative to it or 1, and of a gradient, relative to its largest element."""
        arrays, wanted = load_file(case), load_file(expected)
        made = self.module.forms(Job.parse(job))[form](arrays)
        loss, grads = made.evaluate(made.given(arrays))
        error = abs(loss - float(wanted["loss"][0])) / max(1.0, abs(float(wanted["loss"][0])))
        for k, got in enumerate(grads):
            grad = wanted[f"grad.layers.{k // 2}.{'bias' if k % 2 else 'weight'}"]
            scale = max(float(np.abs(wanted[f"grad.layers.{k // 2}.weight"]).max()), 1e-30)
            error = max(error, float(np.abs(got - grad).max()) / scale)
        return {"error": error}

    def time(self, job: str, form: str, seconds: float) -> dict:
        if all(key[0] != job for key in self.made):
            self.made = {}
            self.module.forget()
        if (job, form) not in self.made:
            parsed = Job.parse(job)
            self.made[job, form] = self.module.forms(parsed)[form](draw(parsed, parsed.batch))
            for _ in range(WARM_UPS):
                self.made[job, form].step()
        step, times, end = self.made[job, form].step, [], time.perf_counter() + seconds
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
        do = {"check": worker.check, "time": worker.time}[request.pop("do")]
        try:
            answer = do(**request)
        except Exception as error:  # a form may be refused: that is a result too
            answer = {"refused": " ".join(str(error).split())[:200] or type(error).__name__}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
