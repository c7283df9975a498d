"""Times a job with scorematch and with every form of its peers, side by side on this machine.

  compare.py --build build/release --out peers.json [--engine ENGINE] [--device NAME] [--commit COMMIT]
             [--threads T] [--rounds R] [--seconds S] [--quick] [JOB ...]

Every form is first checked against scorematch's result on a case with the shape of the job. Then all forms are timed briefly,
and the two fastest of each framework take turns with scorematch, so that other activity of the machine affects all of them
alike. Forms that stall are measured again, and have no ratio if they go on (stalls.py). Other jobs that FILE already has stay in
it if they were measured with the same settings on the same commit.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from safetensors.numpy import load_file, save_file

sys.path.append(str(Path(__file__).parents[1] / "report"))

from compact import expanded
import samplers
from job import SIGMA, Job, draw
from stalls import Times, settle, summary

HERE = Path(__file__).parent
FRAMEWORKS = ("torch", "jax")
# Sums over N terms in float32, in another order: for N = 65536 the error is about sqrt(N) eps = 2e-5 of the size of the terms. A
# wrong factor or a missing term makes a far larger error.
TOLERANCE = 1e-4
SCOUTED = 3  # timings per form; a burst of other activity should not decide which form is chosen
MOST_LOAD = 0.5  # of other programs, when it begins
LONGEST_ANSWER = 1200  # seconds; tuned compilation of the largest job takes a few minutes


def default_jobs(engine: str, quick: bool) -> list[str]:
    shape = "score/d:64/H:128/L:3"
    if engine != "cpu":  # the jobs of cuda_bench
        return [f"{objective}/N:65536" for width in ((128,) if quick else (64, 128, 256)) for objective in (
            f"dsm/score/d:64/H:{width}/L:3", f"ssm/score/d:64/H:{width}/L:3/M:1", f"ssm/score/d:64/H:{width}/L:3/M:4")]
    if quick:
        return [f"dsm/{shape}/N:4096", f"ssm/{shape}/M:1/N:4096", "dsm/energy/d:8/H:128/L:2/N:64",
                "dsm/score/d:8/H:128/L:2/N:64/value", "scores/score/d:8/H:128/L:2/N:64", "flow/score/d:8/H:128/L:2/N:64"]
    jobs = [f"dsm/{shape}/N:4096", f"ssm/{shape}/M:1/N:4096", f"ssm/{shape}/M:4/N:4096",
            "dsm/score/d:2/H:128/L:3/N:65536", "dsm/score/d:784/H:1024/L:3/N:1024"]
    for net in ("score", "energy"):
        for batch, dim in ((64, 8), (256, 32), (1024, 128)):
            jobs += [f"dsm/{net}/d:{dim}/H:128/L:2/N:{batch}", f"ssm/{net}/d:{dim}/H:128/L:2/M:5/N:{batch}"]
    jobs += [f"{job}/value" for job in jobs[:2]]
    jobs += [f"scores/{shape}/N:4096", "scores/energy/d:32/H:128/L:2/N:256", f"flow/{shape}/N:1024", f"reverse/{shape}/N:64"]
    return jobs


class Peer:
    """A framework's worker process."""

    def __init__(self, framework: str, engine: str, threads: int) -> None:
        limit = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        self.cache = tempfile.TemporaryDirectory()  # for compiled code, so that an interrupted run leaves no partial files behind
        limit["TORCHINDUCTOR_CACHE_DIR"] = self.cache.name
        if engine == "cpu":  # also on a machine with a GPU
            limit |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
        self.process = subprocess.Popen([sys.executable, HERE / "worker.py", framework, str(threads)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | limit)
        self.versions = self._answer()["versions"]

    def ask(self, **request: object) -> dict:
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # reading the answer fails as well
        return self._answer()

    def _answer(self) -> dict:
        if not select.select([self.process.stdout], [], [], LONGEST_ANSWER)[0]:
            self.process.kill()
            raise RuntimeError(f"a peer: expected an answer within {LONGEST_ANSWER} s, got none")
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a peer's process ended; its last output is above")
        return json.loads(line)


class Ours:
    def __init__(self, build: Path, engine: str, threads: int) -> None:
        self.build, self.engine = build, engine
        self.environment = os.environ | {"SCOREMATCH_BENCH_THREADS": str(threads)}

    def time(self, job: str, seconds: float) -> tuple[float, float | None]:
        """Milliseconds, and the fraction of the floor if known."""
        name = f"{self.engine}/{job}"
        command = [self.build / "bin/loss_bench", f"--jobs={name}", f"--benchmark_min_time={seconds}"]
        if self.engine != "cpu":  # a fixed number of calls per run
            command = [self.build / "bin/cuda_bench", f"--benchmark_filter=^{name}/(iterations|manual_time)"]
        output = subprocess.run([*command, "--benchmark_format=json"], env=self.environment, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, check=True, timeout=LONGEST_ANSWER).stdout
        rows = json.loads(output)["benchmarks"]
        if not rows or rows[0].get("error_occurred"):
            raise RuntimeError(f"{name}: expected a time, got {rows[0]['error_message'] if rows else 'no such row'}")
        unit = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3}[rows[0]["time_unit"]]
        return rows[0]["real_time"] * unit, rows[0].get("floor_share")

    def evaluate(self, case: Path, out: Path) -> None:
        engine = "cpu" if self.engine == "cpu" else "cuda"  # cuda_bench compares it with the reference engine
        command = [self.build / "bin/scorematch", "eval", case, "--engine", engine, "-o", out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def write_case(job: Job, path: Path) -> None:
    """Writes a case in the format of docs/eval-format.md. For the exact trace, the engine itself supplies the basis directions. For
    scores, any objective will do; that of samplers is their network at a level for each row."""
    arrays = draw(job)
    metadata = {"objective": "esm" if job.evaluates else job.objective, "net": job.net, "activation": "silu",
                "parameterization": "edm" if job.samples else "plain", "conditioning": "log_sigma" if job.samples else "none",
                "weighting": "sigma2" if job.objective == "dsm" else "none"}
    if job.evaluates:
        arrays["true_score"] = 0 * arrays["x"]
    if job.samples:
        arrays["sigma"] = np.resize(samplers.levels(job)[:-1], job.batch).astype("float32")
    if job.objective == "dsm":
        arrays["sigma"] = (0 * arrays["x"][:, 0] + SIGMA).astype("float32")
    save_file(arrays, path, metadata)


def write_expected(job: Job, case: Path, expected: Path) -> None:
    """Replaces what `scorematch eval` wrote for a case by what a form has to return: scores or samples. For samplers, adds the noise
    to the case, and compares the score that the samples come from with scorematch's."""
    arrays, score = load_file(case), load_file(expected)["score"]
    if not job.samples:
        save_file({"result": score}, expected)
        return
    double = {name: array.astype("float64") for name, array in arrays.items()}
    params = [double[f"layers.{k}.{part}"] for k in range(job.layers + 1) for part in ("weight", "bias")]
    ours = samplers.score(params, double["x"], double["sigma"][:, None])
    error = float((np.abs(ours - score).max(1) / np.abs(score).max(1)).max())
    if not error <= TOLERANCE:
        raise RuntimeError(f"{job.name}: expected scorematch's score within {TOLERANCE}, got one that is off by {error}")
    arrays |= samplers.draws(job)
    save_file(arrays, case)
    save_file({"result": samplers.run(job, arrays)}, expected)


def rows_of(name: str, values: list[float], **more: float) -> list[dict]:
    statistics = {"median": median(values), "min": min(values), "max": max(values)}
    return [{"name": f"{name}_{key}", "run_name": name, "run_type": "aggregate", "aggregate_name": key, "real_time": value,
             "time_unit": "ms", **(more if key == "median" else {})} for key, value in statistics.items()]


class Comparison:
    def __init__(self, build: Path, engine: str, threads: int, rounds: int, seconds: float) -> None:
        self.ours, self.rounds, self.seconds = Ours(build, engine, threads), rounds, seconds
        self.peers = {framework: Peer(framework, engine, threads) for framework in FRAMEWORKS}
        self.rows: list[dict] = []
        self.refused: list[dict] = []
        self.floor: dict[tuple[float, ...], list[float]] = {}  # fractions of the floor, by scorematch's times in those rounds

    def framework_of(self, form: str) -> Peer:
        return self.peers[form.split("-")[0]]

    def accepted(self, job: Job) -> list[str]:
        """Checks all forms and returns those that agree with scorematch."""
        forms = []
        with tempfile.TemporaryDirectory() as folder:
            case, expected = Path(folder) / "case.safetensors", Path(folder) / "expected.safetensors"
            write_case(job, case)
            self.ours.evaluate(case, expected)
            if job.evaluates:
                write_expected(job, case, expected)
            for peer in self.peers.values():
                for form in peer.ask(do="forms", job=job.name)["forms"]:
                    answer = peer.ask(do="check", form=form, case=str(case), expected=str(expected))
                    self._accept(job, form, answer, forms)
        return forms

    def _accept(self, job: Job, form: str, answer: dict, forms: list[str]) -> None:
        if "refused" in answer:
            self.refused.append({"form": form, "job": job.name, "why": answer["refused"]})
        elif not answer["error"] <= TOLERANCE:
            raise RuntimeError(f"{form} on {job.name}: expected scorematch's result within {TOLERANCE}, got one that is off by "
                               f"{answer['error']}")
        else:
            forms.append(form)

    def scout(self, job: Job) -> dict[str, float]:
        """Times every form a few times, in turn. Returns the two fastest of each framework with their shortest times."""
        times: dict[str, list[float]] = {form: [] for form in self.accepted(job)}
        for _ in range(SCOUTED):
            for form in list(times):
                answer = self.framework_of(form).ask(do="time", form=form, seconds=self.seconds / SCOUTED)
                if "refused" in answer:
                    self.refused.append({"form": form, "job": job.name, "why": answer["refused"]})
                    del times[form]
                else:
                    times[form].append(answer["ms"])
        chosen = []
        for framework in FRAMEWORKS:
            chosen += sorted((form for form in times if form.startswith(framework)), key=lambda form: min(times[form]))[:2]
        for form in sorted(times.keys() - set(chosen)):
            self.rows += rows_of(f"{form}/{job.name}", times[form])
        return {form: min(times[form]) for form in chosen}

    def measure(self, job: Job, forms: list[str]) -> Times:
        """Times scorematch and these forms in turn, in every round."""
        times: Times = {name: [] for name in (self.ours.engine, *forms)}
        fractions: list[float] = []
        for turn in range(self.rounds):
            for who in self._turned(list(times), turn):
                if who == self.ours.engine:
                    milliseconds, fraction = self.ours.time(job.name, self.seconds)
                    times[who].append(milliseconds)
                    fractions += [] if fraction is None else [fraction]
                else:
                    answer = self.framework_of(who).ask(do="time", form=who, seconds=self.seconds)
                    if "refused" in answer:
                        raise RuntimeError(f"{who} on {job.name}: was timed before, but is refused now: {answer['refused']}")
                    times[who].append(answer["ms"])
        self.floor[tuple(times[self.ours.engine])] = fractions
        return times

    def run(self, job: Job) -> None:
        scouted = self.scout(job)
        outcome = settle(lambda forms: self.measure(job, forms), self.ours.engine, list(scouted), scouted)
        if outcome.own:
            fractions = self.floor[tuple(outcome.own)]
            of_floor = {"floor_share": median(fractions)} if fractions else {}
            self.rows += rows_of(f"{self.ours.engine}/{job.name}", outcome.own, **of_floor)
        for form, measured in outcome.forms.items():
            self.rows += rows_of(f"{form}/{job.name}", measured.times) + rows_of(f"ratio/{form}/{job.name}", measured.ratios())
        self.refused += [{"form": name, "job": job.name, "why": f"stalled: {why}"} for name, why in outcome.stalled.items()]
        print(summary(job.name, outcome), file=sys.stderr, flush=True)

    @staticmethod
    def _turned(order: list, by: int) -> list:
        by %= len(order)
        return order[by:] + order[:by]


def rows_to_keep(path: Path, context: dict, jobs: list[Job]) -> tuple[list[dict], list[dict]]:
    """The rows and refusals of other jobs in the record of an earlier run."""
    if not path.exists():
        return [], []
    record = expanded(json.loads(path.read_text()))
    if "changes" in context["commit"] or any(record["context"].get(key) != context[key] for key in context):
        return [], []
    names = {job.name for job in jobs}
    kept = [row for row in record["benchmarks"] if not any(row["run_name"].endswith(f"/{name}") for name in names)]
    return kept, [each for each in record["refused"] if each["job"] not in names]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="folder with bin/loss_bench and bin/scorematch")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--engine", choices=("cpu", "cuda-fp32"), default="cpu", help="peers run on the same device")
    parser.add_argument("--device", default=platform.processor() or platform.machine(), help="device name for the record")
    parser.add_argument("--commit", default="unknown and changes", help="commit of the build; with changes, no old rows are kept")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3, help="length of a slice")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("jobs", nargs="*", metavar="JOB")
    given = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.threads])  # JAX takes as many threads as it may
    jobs = [Job.parse(name) for name in given.jobs or default_jobs(given.engine, given.quick)]
    comparison = Comparison(given.build.resolve(), given.engine, given.threads, given.rounds, given.seconds)
    versions = {"python": platform.python_version()}
    for peer in comparison.peers.values():
        versions |= peer.versions
    engine = f"cpu: {given.threads} thread{'s' if given.threads != 1 else ''}" if given.engine == "cpu" else given.engine
    context = {"device": given.device, "engine": engine, "num_cpus": os.cpu_count(), "threads": given.threads, "commit": given.commit,
               "versions": versions, "rounds": given.rounds, "seconds": given.seconds}
    comparison.rows, comparison.refused = rows_to_keep(given.out, context, jobs)
    if (load := os.getloadavg()[0]) > MOST_LOAD:
        print(f"compare.py: warning: the load of this machine is {load:.1f}, so these times are not worth recording", file=sys.stderr)
    for job in jobs:
        comparison.run(job)
        context["load"] = os.getloadavg()[0]
        context["date"] = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        record = {"context": context, "benchmarks": comparison.rows, "refused": comparison.refused}
        part = given.out.with_suffix(".part")
        part.write_text(json.dumps(record, indent=1) + "\n")
        part.replace(given.out)  # after each job, so that an interrupted run keeps its results


if __name__ == "__main__":
    main()
