"""The cpu engine on the caller's threads."""

from __future__ import annotations

import ctypes
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, Union

from . import structs
from .library import raise_after_call

RunParts = Callable[[int, Callable[[int], None]], Any]
"""run(count, part) calls part(0) ... part(count - 1) once each, at once or not, on any threads, and returns when they
have returned."""

ExecutorLike = Union[Executor, RunParts]


class _Parts:
    """The parts of one parallel loop. The library's memory of the loop is gone when run() has returned, so none runs
    after end()."""

    def __init__(self, count: int, part: Any, work: Any) -> None:
        self._part, self._work, self._count = part, work, count
        self._left = set(range(count))
        self._running, self._is_over = 0, False
        self._change = threading.Condition()

    def __call__(self, index: int) -> None:
        with self._change:
            if self._is_over:  # no work is left
                return
            if index not in self._left:
                raise ValueError(f"part: expected each of 0 to {self._count - 1} once, got {index!r}")
            self._left.remove(index)
            self._running += 1
        try:
            self._part(self._work, index)  # ctypes lets other threads run meanwhile
        finally:
            with self._change:
                self._running -= 1
                self._change.notify_all()

    def end(self) -> BaseException | None:
        """Waits for the parts that have begun; the others will do nothing. Returns what interrupted it."""
        interruption = None
        while True:
            try:
                with self._change:
                    self._is_over = True
                    self._change.wait_for(lambda: self._running == 0)
                return interruption
            except BaseException as error:  # a signal's, KeyboardInterrupt for example
                interruption = error


def _run_on(executor: Executor) -> RunParts:
    """Runs part 0 on the calling thread. When it returns, no work is left, so parts that still wait for a thread are
    left out: an executor that is busy, even with the caller itself, delays nothing."""

    def run(count: int, part: Callable[[int], None]) -> None:
        others: list[Future[None]] = []
        try:
            for index in range(1, count):
                others.append(executor.submit(part, index))
            part(0)
        finally:
            running = [each for each in others if not each.cancel()]
        for each in running:
            each.result()

    return run


_callers: dict[int, RunParts] = {}  # until the library releases them
_keys = itertools.count(1)


@structs.RunParts  # type: ignore[untyped-decorator]
def _run(user: int, count: int, part: Any, work: Any) -> int:
    parts = _Parts(count, part, work)
    raised: BaseException | None = None
    try:
        _callers[user](count, parts)
    except BaseException as error:
        raised = error
    raised = parts.end() or raised
    if raised is None:
        return 0
    raise_after_call(raised)
    return 1


@structs.Release  # type: ignore[untyped-decorator]
def _release(user: int) -> None:
    _callers.pop(user, None)


def executor_struct(executor: ExecutorLike, threads: int) -> Any:
    """What scorematch_engine_cpu_with takes. Raises TypeError unless it is an Executor or can be called."""
    if isinstance(executor, Executor):
        run = _run_on(executor)
    elif callable(executor):
        run = executor
    else:
        raise TypeError(
            f"executor: expected a concurrent.futures.Executor, or a function run(count, part), got "
            f"{type(executor).__name__}"
        )
    user = next(_keys)
    _callers[user] = run
    return structs.CpuExecutor(ctypes.sizeof(structs.CpuExecutor), threads, _run, user, _release)
