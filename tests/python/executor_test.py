"""The cpu engine on the caller's threads."""

import gc
import threading
import unittest
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from support import Loss, host_engine, np, sines, sm

from scorematch import executor as module

BLOCKS = 40_000  # parameters in three of Adam's blocks, so that its loops have parts


def gradient(engine):
    loss = Loss(engine)
    estimate = loss(sines())
    return estimate, loss.grad


def backwards(count, part):
    for index in reversed(range(count)):
        part(index)


def the_last(count, part):  # against the rules, but no work is lost
    part(count - 1)


def nothing(count, part):
    pass


@unittest.skipIf(host_engine().kind != "cpu", "the library was built without the cpu engine")
class ExecutorTest(unittest.TestCase):
    def assert_same_bits(self, engine, where):
        estimate, grad = gradient(engine)
        self.assertEqual(estimate, self.estimate, where)
        np.testing.assert_array_equal(grad, self.grad, where)

    def setUp(self):
        self.estimate, self.grad = gradient(sm.Engine.cpu(2))

    def test_results_are_bit_identical(self):
        with ThreadPoolExecutor(3) as pool:
            for threads in (1, 2, 3, 8):
                for executor in (pool, backwards, the_last, nothing):
                    self.assert_same_bits(sm.Engine.cpu(threads, executor), (threads, executor))

    def test_parts_run_on_the_threads_of_the_executor(self):
        seen = []

        def run(count, part):
            def on_thread(index):
                part(index)
                seen.append((count, index, threading.get_ident()))

            threads = [threading.Thread(target=on_thread, args=(index,)) for index in range(count)]
            for each in threads:
                each.start()
            for each in threads:
                each.join()

        engine = sm.Engine.cpu(3, run)
        self.assertIn("3 threads", engine.description)
        self.assert_same_bits(engine, "threads")
        self.assertNotIn(threading.get_ident(), [thread for _, _, thread in seen])
        self.assertEqual({count for count, _, _ in seen} - {1, 2, 3}, set())
        self.assertIn((3, 2), {(count, index) for count, index, _ in seen})

    def test_a_busy_executor_delays_nothing(self):
        """Its only thread calls the library, so that the parts never get a thread."""
        with ThreadPoolExecutor(1) as pool:
            engine = sm.Engine.cpu(4, pool)
            pool.submit(self.assert_same_bits, engine, "busy").result(timeout=60)

    def test_parts_that_come_late_do_nothing(self):
        late = []

        def run(count, part):
            part(0)
            late.append(part)

        self.assert_same_bits(sm.Engine.cpu(2, run), "late")
        self.assertTrue(late)
        for part in late:
            part(1)

    def test_run_waits_for_parts_that_it_has_left(self):
        """A function that returns too early does not let a part work in memory that is gone."""

        def run(count, part):
            for index in range(1, count):
                threading.Thread(target=part, args=(index,)).start()

        self.assert_same_bits(sm.Engine.cpu(4, run), "early")

    def test_the_executors_error_is_raised(self):
        with ThreadPoolExecutor(2) as pool:
            engine = sm.Engine.cpu(3, pool)
            self.assert_same_bits(engine, "running")
        with self.assertRaisesRegex(RuntimeError, "after shutdown"):
            gradient(engine)

        class Stopped(BaseException):
            pass

        def fail(count, part):
            part(0)
            raise Stopped

        with self.assertRaises(Stopped):
            gradient(sm.Engine.cpu(2, fail))
        self.assert_same_bits(sm.Engine.cpu(2, backwards), "after the error")

        for index in (2, -1, 0):
            def wrong(count, part, index=index):
                part(0)
                part(index if index != 2 else count)

            with self.assertRaisesRegex(ValueError, "part: expected each of 0 to [0-9]+ once, got"):
                gradient(sm.Engine.cpu(2, wrong))

        with ProcessPoolExecutor(1) as processes, self.assertRaises(Exception) as raised:
            gradient(sm.Engine.cpu(2, processes))
        self.assertRegex(str(raised.exception), "pickle")

    def test_an_adam_step_is_made_completely_or_not_at_all(self):
        before, grad = np.ones(BLOCKS, np.float32), np.full(BLOCKS, 2, np.float32)
        for failing in (1, 2):  # the loop of the norm, the loop of the step
            calls = []

            def run(count, part, failing=failing, calls=calls):
                part(count - 1)
                calls.append(count)
                if len(calls) == failing:
                    raise ZeroDivisionError("raised by the executor")

            engine, params = sm.Engine.cpu(4, run), before.copy()
            adam, queue = sm.Adam(engine, BLOCKS), sm.Queue(engine)
            with self.assertRaisesRegex(ZeroDivisionError, "raised by the executor"):
                adam.step(queue, params, grad)
            self.assertEqual(adam.progress(queue).step, failing - 1)
            self.assertEqual(len(np.unique(params)), 1)
            self.assertEqual(params[0] == 1, failing == 1)

    def test_a_score_function_passes_the_error_on(self):
        def fail(count, part):
            raise ZeroDivisionError("raised by the executor")

        engine = sm.Engine.cpu(2, fail)
        other = host_engine()

        def score(queue, x, sigma, out):
            gradient(engine)

        plan = sm.SamplerPlan(other, 2, "sampler=flow", 10, score=score)
        with self.assertRaisesRegex(ZeroDivisionError, "raised by the executor"):
            plan.run(sm.Queue(other, plan.workspace_bytes), sm.Noise(other, 1), np.empty((10, 2), np.float32))

    def test_lives_as_long_as_a_plan_needs_it(self):
        before = len(module._callers)
        loss = Loss(sm.Engine.cpu(2, backwards))
        del loss.engine
        gc.collect()
        self.assertEqual(len(module._callers), before + 1)
        self.assertEqual(loss(sines()), self.estimate)
        del loss
        gc.collect()
        self.assertEqual(len(module._callers), before)

    def test_refusals(self):
        before = len(module._callers)
        with self.assertRaisesRegex(TypeError, r"executor: expected a concurrent.futures.Executor, .* got int"):
            sm.Engine.cpu(2, 3)
        for threads in (0, 4097):
            with self.assertRaisesRegex(sm.Error, f"executor.threads: expected between 1 and 4096, got {threads}"):
                sm.Engine.cpu(threads, backwards)
        self.assertEqual(len(module._callers), before)


if __name__ == "__main__":
    unittest.main()
