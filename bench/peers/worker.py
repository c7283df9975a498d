"""One framework in its own process, which sleeps between requests: none of its threads spin while another peer is timed.

Each request and each answer is one line of JSON:
  {"do": "forms", "job"}                      the names of the job's forms; discards those of the previous job
  {"do": "check", "form", "case", "expected"} makes a form and runs a case with the shape of the job; the answer has its error
  {"do": "time", "form", "seconds"}           the mean time of the calls in a slice, with the object that was checked
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time

import numpy as np
from safetensors.numpy import load_file

from job import Job

# Compilers that observe a function settle only after some calls. Slow steps get fewer.
WARM_UP_CALLS, WARM_UP_SECONDS = 10, 3.0


def relative_error(loss: float, grads: list[np.ndarray], wanted: dict[str, np.ndarray]) -> float:
    """The maximum of the errors of the loss, relative to it or 1, and of each gradient, relative to the largest element in its layer."""
    expected = float(wanted["loss"][0])
    errors = [abs(loss - expected) / max(1.0, abs(expected))]
    for k, got in enumerate(grads):
        grad = wanted[f"grad.layers.{k // 2}.{'bias' if k % 2 else 'weight'}"]
        scale = max(float(np.abs(wanted[f"grad.layers.{k // 2}.weight"]).max()), 1e-30)
        errors.append(float(np.abs(got.reshape(grad.shape) - grad).max()) / scale)
    return float(np.max(errors))  # NaN if any error is


def array_error(got: np.ndarray, wanted: np.ndarray) -> float:
    """The largest error, relative to the largest element."""
    return float(np.abs(got - wanted).max() / max(float(np.abs(wanted).max()), 1e-30))


def refusal(error: Exception) -> dict:
    """A form that a framework refuses is also a result."""
    return {"refused": " ".join(str(error).split())[:200] or type(error).__name__}


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
        arrays, wanted = load_file(case), load_file(expected)
        try:
            made = self.makers[form](arrays)
            result = made.evaluate(arrays)
        except Exception as error:
            return refusal(error)
        self.made[form] = made
        if "result" in wanted:
            return {"error": array_error(result, wanted["result"])}
        loss, grads = result
        if grads and len(grads) != sum(name.startswith("grad.layers.") for name in wanted):
            raise RuntimeError(f"{form}: expected the gradients of all parameters, got {len(grads)}")
        return {"error": relative_error(loss, grads, wanted)}

    def time(self, form: str, seconds: float) -> dict:
        try:
            return self.timed(form, seconds)
        except Exception as error:
            return refusal(error)

    def timed(self, form: str, seconds: float) -> dict:
        step = self.made[form].step
        if form not in self.warm:
            end = time.perf_counter() + WARM_UP_SECONDS
            for _ in range(WARM_UP_CALLS):
                step()
                if time.perf_counter() > end:
                    break
            self.warm.add(form)
        step()  # others have used the caches in the meantime
        begin, calls = time.perf_counter(), 0
        while calls == 0 or time.perf_counter() < begin + seconds:
            step()
            calls += 1
        return {"ms": 1e3 * (time.perf_counter() - begin) / calls}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")  # output of the framework goes elsewhere
    os.dup2(2, 1)
    worker = Worker(sys.argv[1], int(sys.argv[2]))
    print(json.dumps({"versions": worker.versions}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        do = {"forms": worker.forms, "check": worker.check, "time": worker.time}[request.pop("do")]
        print(json.dumps(do(**request)), file=answers, flush=True)


if __name__ == "__main__":
    main()
