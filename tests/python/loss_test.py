"""Losses against the C++ programs' numbers, differences, and expected errors."""

import os
import re
import signal
import unittest

from support import BATCH, Loss, host_engine, np, sines, sm


class LossTest(unittest.TestCase):
    def test_equals_the_consumer_program(self):
        """tests/package/consumer/main.cpp prints loss 2.6244833 +- 0.1512804, gradient norm 0.1917406, all to 1e-5."""
        for engine in (sm.Engine.reference(), host_engine()):
            loss = Loss(engine)
            estimate = loss(sines())
            self.assertEqual(estimate.count, BATCH)
            self.assertLess(abs(estimate.mean / 2.6244833 - 1), 1e-5)
            self.assertLess(abs(estimate.standard_error / 0.1512804 - 1), 1e-5)
            self.assertLess(abs(np.linalg.norm(loss.grad) / 0.1917406 - 1), 1e-5)

    def test_writes_the_loss_into_an_array_of_numpy(self):
        loss, place = Loss(host_engine()), np.zeros(3)
        whole = loss(sines())
        loss(sines(), loss=place)
        self.assertEqual(sm.Estimate(*place), whole)
        self.assertEqual(loss.queue.read_estimate(place), whole)

    def test_weights_multiply_the_losses(self):
        for engine in (sm.Engine.reference(), host_engine()):
            loss = Loss(engine)
            plain, weighted = np.empty((2, BATCH), np.float32)
            weight = np.float32(2) ** np.arange(-(BATCH // 2), BATCH - BATCH // 2, dtype=np.float32)
            loss(sines(), loss_per_sample=plain)
            loss(sines(), loss_per_sample=weighted, weight=weight)
            np.testing.assert_array_equal(weighted, weight * plain)
            with self.assertRaisesRegex(sm.Error, rf"weight: expected \[{BATCH}\] .*, got \[{BATCH - 1}\] float32"):
                loss(sines(), weight=weight[1:])

    def test_gives_the_loss_of_each_direction(self):
        engine = sm.Engine.reference()
        net = sm.Net("dim=2 hidden=8")
        plan = sm.LossPlan(engine, net, "objective=ssm_vr projections=2 distribution=hadamard", 9)
        queue, noise = sm.Queue(engine, plan.workspace_bytes), sm.Noise(engine, 3)
        params, x = np.linspace(-1, 1, net.param_count), np.linspace(-2, 2, 18).reshape(9, 2)
        each, mean = np.empty((2, 9)), np.empty(9)
        plan.run(queue, params=params, x=x, noise=noise, loss_per_direction=each, loss_per_sample=mean)
        np.testing.assert_allclose(each.mean(axis=0), mean, rtol=1e-13)
        self.assertTrue(np.all(each[0] != each[1]))

    def test_says_which_rows_it_drew(self):
        loss, rows = Loss(host_engine()), np.empty(40, np.int64)
        drawn, given = np.empty((2, 40), np.float32)
        loss(sines(), draw_rows=40, loss_per_sample=drawn, rows_out=rows)
        loss(sines(), rows=rows, loss_per_sample=given)
        np.testing.assert_array_equal(drawn, given)

    def test_gradient_by_differences(self):
        loss = Loss(sm.Engine.reference(), np.float64)
        x, h = sines().astype(np.float64), 1e-5
        loss(x)
        grad = loss.grad.copy()
        for i in range(0, grad.size, 37):
            values = []
            for step in (h, -h):
                here = loss.params[i]
                loss.params[i] = here + step
                values.append(loss(x, grad=None).mean)
                loss.params[i] = here
            self.assertAlmostEqual((values[0] - values[1]) / (2 * h), grad[i], delta=1e-8 * (1 + abs(grad[i])))

    def test_columns_of_a_table_are_used_in_place(self):
        loss = Loss(host_engine())
        whole = loss(sines())
        table = np.full((BATCH, 9), np.nan, np.float32)
        table[:, 2:7] = sines()
        self.assertEqual(loss(table[:, 2:7]), whole)
        rows = np.arange(BATCH)[::-1].copy()
        self.assertEqual(loss(sines()[::-1].copy(), rows=rows), whole)

    def test_gradients_of_parts_of_a_batch_add_up(self):
        loss = Loss(host_engine())
        whole = loss(sines())
        grad = loss.grad.copy()
        first = loss(sines()[:40], normaliser=BATCH)
        both = loss(sines()[40:], noise=loss.noise.starting_at(40), normaliser=BATCH, accumulate=True)
        self.assertAlmostEqual(both.mean, whole.mean, places=6)
        np.testing.assert_allclose(loss.grad, grad, atol=1e-6)
        second = loss(sines()[40:], noise=loss.noise.starting_at(40))
        merged = first.merged(second)
        self.assertEqual((merged.count, merged.mean, merged.m2), both)

    def test_children_of_fork_compute_the_same(self):
        """As multiprocessing does on Linux: the engine and the plan are the parent's."""
        loss = Loss(sm.Engine.cpu(2))
        whole, grad = loss(sines()), loss.grad.copy()
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            same = loss(sines()) == whole and np.array_equal(loss.grad, grad)
            os.write(write, b"same" if same else b"different")
            os._exit(0)
        os.close(write)
        self.assertEqual(os.read(read, 100), b"same")
        os.waitpid(child, 0)


class RefusalTest(unittest.TestCase):
    def expect(self, kind, argument, part, call):
        with self.assertRaises(sm.Error) as caught:
            call()
        self.assertEqual((caught.exception.kind, caught.exception.argument), (kind, argument))
        self.assertIn(part, str(caught.exception))

    def test_library_errors_become_exceptions(self):
        loss = Loss(host_engine())
        self.expect("invalid_argument", "x", "x: expected [any, 5] float32", lambda: loss(sines()[:, :4]))
        self.expect("invalid_argument", "net.activation", "got 'relu'", lambda: sm.Net("dim=2 activation=relu"))
        self.expect(
            "invalid_argument",
            "loss",
            "a string, got a null pointer",
            lambda: sm.LossPlan(loss.engine, loss.net, None, 1),
        )
        self.expect("io", "no/such", "no/such", lambda: sm.Checkpoint.load("no/such"))
        self.expect(
            "invalid_argument",
            "queue",
            "a queue of the same engine",
            lambda: loss.plan.run(sm.Queue(sm.Engine.reference()), params=loss.params, x=sines()),
        )

    def test_rejects_invalid_arrays(self):
        loss = Loss(host_engine())
        read_only = np.zeros_like(loss.grad)
        read_only.flags.writeable = False
        for error, part, arrays in (
            (TypeError, "x: expected float32, float64 or int64, got float16", {"x": sines().astype(np.float16)}),
            (TypeError, "x: expected float32, float64 or int64, got >f4", {"x": sines().astype(">f4")}),
            (TypeError, "x: expected a NumPy array, a PyTorch tensor, a Buffer or an array with DLPack, got list",
             {"x": [[1.0] * 5]}),
            (ValueError, "x: expected one to three axes, got 0", {"x": np.ones((), np.float32)}),
            (ValueError, "grad: expected a writable array", {"x": sines(), "grad": read_only}),
            (TypeError, "float64 array of shape (3,) without gaps, got float64 of shape (4,)",
             {"x": sines(), "loss": np.zeros(4)}),
            (TypeError, "without gaps, got float64 of shape (3,) with stride 2",
             {"x": sines(), "loss": np.zeros(6)[::2]}),
            (TypeError, "noise: expected a Noise or Noise.starting_at(...), got int", {"x": sines(), "noise": 2}),
            (TypeError, "unexpected keyword argument 'grads'", {"x": sines(), "grads": loss.grad}),
        ):
            with self.assertRaisesRegex(error, re.escape(part)):
                loss(**arrays)
        self.expect("invalid_argument", "x", "a last axis of stride 1", lambda: loss(np.asfortranarray(sines())))


if __name__ == "__main__":
    unittest.main()
