"""Tests src/python/scorematch against the C++ programs' numbers, finite differences and expected errors."""

import gc
import os
import signal
import subprocess
import sys
import tempfile
import unittest
import weakref

try:
    import numpy as np
except ImportError:
    sys.exit(77)  # skipped: NumPy is not installed
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "src", "python"))
import scorematch as sm

try:
    import torch
except ImportError:
    torch = None

NET = "dim=5 hidden=24,17"
LOSS = "objective=dsm schedule=single sigma=0.5 weighting=sigma2"
BATCH = 96


def sines():
    """The data of tests/package/consumer/main.cpp."""
    return np.sin(np.arange(BATCH * 5, dtype=np.float64)).astype(np.float32).reshape(BATCH, 5)


def host_engine():
    try:
        return sm.Engine.cpu()
    except sm.Error as error:
        assert error.kind == "unsupported"
        return sm.Engine.reference()


class Loss:
    """A loss and gradient on `engine`, in the memory of NumPy arrays."""

    def __init__(self, engine, dtype=np.float32):
        self.engine = engine
        self.net = sm.Net(NET)
        self.plan = sm.LossPlan(engine, self.net, LOSS, BATCH)
        self.queue = sm.Queue(engine, self.plan.workspace_bytes)
        self.params = self.net.initial_params(1, "torch").astype(dtype)
        self.grad = np.empty(self.net.param_count, dtype)
        self.place = engine.estimate()
        self.noise = sm.Noise(engine, 2)

    def __call__(self, x, **more):
        given = {"params": self.params, "x": x, "noise": self.noise, "loss": self.place, "grad": self.grad, **more}
        self.plan.run(self.queue, **given)
        return self.queue.read_estimate(self.place)


class LibraryTest(unittest.TestCase):
    def test_a_missing_library_is_named_with_the_remedy(self):
        code = f"import sys; sys.path.insert(0, {sys.path[0]!r}); import scorematch"
        run = subprocess.run([sys.executable, "-c", code], env={**os.environ, "SCOREMATCH_LIBRARY": "/no/such.so"},
                             capture_output=True, text=True)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("/no/such.so cannot be loaded", run.stderr)
        self.assertIn("set SCOREMATCH_LIBRARY to the path of libscorematch.so", run.stderr)


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

    @unittest.skipIf(torch is None, "PyTorch is not installed")
    def test_takes_tensors_of_pytorch(self):
        loss = Loss(host_engine())
        whole, grad = loss(sines()), torch.empty(loss.net.param_count)
        self.assertEqual(loss(torch.from_numpy(sines()), params=torch.from_numpy(loss.params), grad=grad), whole)
        np.testing.assert_array_equal(grad.numpy(), loss.grad)

    def test_objects_with_a_data_ptr_are_used_in_place(self):
        class Tensor:  # with the attributes of a PyTorch tensor
            def __init__(self, array):
                self.array, self.shape, self.dtype = array, array.shape, f"torch.{array.dtype}"
                self.device = "cpu"

            def data_ptr(self):
                return self.array.ctypes.data

            def stride(self):
                return tuple(s // self.array.itemsize for s in self.array.strides)

        loss = Loss(host_engine())
        whole, grad = loss(sines()), np.empty_like(loss.grad)
        self.assertEqual(loss(Tensor(sines()), grad=Tensor(grad)), whole)
        np.testing.assert_array_equal(grad, loss.grad)
        elsewhere = Tensor(sines())
        elsewhere.device = "cuda:0"
        with self.assertRaisesRegex(ValueError, "x: expected host memory, like the engine's, got device memory"):
            loss(elsewhere)


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
            (TypeError, "x: expected a NumPy array, a PyTorch tensor or a Buffer, got list", {"x": [[1.0] * 5]}),
            (ValueError, "x: expected one to three axes, got 0", {"x": np.ones((), np.float32)}),
            (ValueError, "grad: expected a writable array", {"x": sines(), "grad": read_only}),
            (TypeError, "loss: expected a Buffer from Engine.estimate()", {"x": sines(), "loss": np.zeros(3)}),
            (TypeError, "got ['grads']", {"x": sines(), "grads": loss.grad}),
        ):
            with self.assertRaisesRegex(error, part.replace("[", r"\[").replace("(", r"\(").replace(")", r"\)")):
                loss(**arrays)
        self.expect("invalid_argument", "x", "a last axis of stride 1", lambda: loss(np.asfortranarray(sines())))


class PlansTest(unittest.TestCase):
    def test_scores_are_the_gradient_of_the_density(self):
        engine = sm.Engine.reference()
        net = sm.Net("net=energy dim=2 hidden=9 activation=tanh")
        plan = sm.ScorePlan(engine, net, 3, "projections=1")
        queue = sm.Queue(engine, plan.workspace_bytes)
        params, x = net.initial_params(3, "torch").astype(float), np.array([[0.1, -0.4], [1.0, 2.0], [0.0, 0.5]])
        density, score, h = np.empty(3), np.empty((3, 2)), 1e-5
        plan.run(queue, params=params, x=x, score=score)
        for axis in range(2):
            step = h * np.eye(2)[axis]
            values = []
            for at in (x + step, x - step):
                plan.run(queue, params=params, x=at, log_density=density)
                values.append(density.copy())
            np.testing.assert_allclose((values[0] - values[1]) / (2 * h), score[:, axis], atol=1e-9)
        self.assertIn("on the host", plan.report(3))

    def test_own_network(self):
        """Only the parts: a linear score written in Python, and its gradient."""
        engine = host_engine()
        perturb = sm.PerturbPlan(engine, 2, "schedule=log_normal conditioning=log_sigma", 50)
        head = sm.HeadPlan(engine, 2, "objective=dsm schedule=log_normal weighting=sigma2", 50)
        queue, noise = sm.Queue(engine, head.workspace_bytes), sm.Noise(engine, sm.Position(4, 7, 100))
        x = np.random.default_rng(1).standard_normal((50, 2)).astype(np.float32)
        z, sigma, eps = np.empty((50, 3), np.float32), np.empty(50, np.float32), np.empty((50, 2), np.float32)
        perturb.run(queue, x=x, noise=noise, net_input=z, sigma_out=sigma, eps_out=eps)
        np.testing.assert_allclose(z[:, :2], x + sigma[:, None] * eps, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(z[:, 2], np.log(sigma), rtol=1e-5, atol=1e-5)
        score, grad, loss = -z[:, :2].copy(), np.empty((50, 2), np.float32), engine.estimate()
        head.run(queue, output=score, noise=noise, loss=loss, grad_output=grad)
        r = score + eps / sigma[:, None]
        np.testing.assert_allclose(grad, sigma[:, None] ** 2 * r / 50, rtol=1e-4, atol=1e-6)
        expected = np.mean(0.5 * sigma**2 * np.sum(r * r, axis=1))
        self.assertLess(abs(queue.read_estimate(loss).mean / expected - 1), 1e-5)
        directions = np.empty((3, 50, 2), np.float32)
        sm.DirectionPlan(engine, 2, "projections=3 distribution=rademacher", 50).run(queue, noise, directions)
        self.assertTrue(np.all(np.abs(directions) == 1))

    def test_sampler_calls_a_python_function(self):
        engine = host_engine()

        def normal(queue, x, sigma, out):
            out.numpy()[:] = -x.numpy() / (1 + sigma.numpy()[0] ** 2)

        plan = sm.SamplerPlan(engine, 2, "sampler=flow", 1000, score=normal)
        queue, samples = sm.Queue(engine, plan.workspace_bytes), np.empty((1000, 2), np.float32)
        plan.run(queue, sm.Noise(engine, 1), samples)
        self.assertLess(abs(samples.mean()), 5 / np.sqrt(2000))
        self.assertLess(abs(samples.var() - 1), 5 * np.sqrt(2 / 2000) + 0.05)  # and Heun's error in 18 steps

        def fail(queue, x, sigma, out):
            raise ZeroDivisionError("raised by the function")

        plan = sm.SamplerPlan(engine, 2, "sampler=flow", 1000, score=fail)
        with self.assertRaisesRegex(ZeroDivisionError, "raised by the function"):
            plan.run(queue, sm.Noise(engine, 1), samples)
        gone = weakref.ref(plan)
        del plan
        gc.collect()
        self.assertIsNone(gone())


    def test_corrected_chains_report_what_they_accept(self):
        engine = host_engine()
        net = sm.Net("dim=2 hidden=8 net=energy parameterization=edm sigma_data=0.8")
        text = "sampler=langevin sigma=0.6 step_size=1 steps=40 sigma_start=1 metropolis=true"
        plan = sm.SamplerPlan(engine, net, text, 400)
        queue, mean = sm.Queue(engine, plan.workspace_bytes), engine.estimate()
        samples, accepted = np.empty((400, 2), np.float32), np.empty(400, np.float32)
        zeros = np.zeros(net.param_count, np.float32)  # parameters of the energy of N(0, I)
        plan.run(queue, sm.Noise(engine, 1), samples, zeros, mean, accepted)
        self.assertLess(abs(samples.var() - 1), 5 * np.sqrt(2 / 800))
        self.assertAlmostEqual(queue.read_estimate(mean).mean, accepted.mean(), places=5)
        self.assertTrue(0.5 < accepted.mean() < 1)

    def test_a_chain_without_a_level_has_no_sigma(self):
        engine, seen = host_engine(), []

        def normal(queue, x, sigma, out):
            seen.append(sigma)
            out.numpy()[:] = -x.numpy()

        plan = sm.SamplerPlan(engine, 2, "sampler=langevin step_size=0.1 steps=3", 10, score=normal)
        plan.run(sm.Queue(engine, plan.workspace_bytes), sm.Noise(engine, 1), np.empty((10, 2), np.float32))
        self.assertEqual(seen, [None] * 3)

    def test_likelihoods_match_a_gaussian(self):
        engine = host_engine()
        text = "sigma_min=0.1 sigma_max=5 steps=24 prior_deviation=0.8"
        x = np.random.default_rng(3).standard_normal((50, 2), dtype=np.float32)
        low = 0.1**2 + 0.8**2
        want = -(x**2).sum(1) / (2 * low) - np.log(2 * np.pi * low)

        def score(queue, x, sigma, out, divergence):
            factor = -1 / (sigma.numpy()[0] ** 2 + 0.8**2)
            out.numpy()[:] = factor * x.numpy()
            divergence.numpy()[:] = 2 * factor

        net = sm.Net("dim=2 hidden=8 parameterization=edm sigma_data=0.8")
        zeros = np.zeros(net.param_count, np.float32)
        of_net = sm.LikelihoodPlan(engine, net, text, 50)
        of_function = sm.LikelihoodPlan(engine, 2, text, 50, score=score)
        for plan, params in ((of_net, zeros), (of_function, None)):
            queue, got, mean = sm.Queue(engine, plan.workspace_bytes), np.empty(50, np.float32), engine.estimate()
            plan.run(queue, x, params, log_likelihood=got, mean=mean)
            np.testing.assert_allclose(got, want, atol=1e-3)
            self.assertAlmostEqual(queue.read_estimate(mean).mean, want.mean(), places=3)
        with self.assertRaisesRegex(sm.Error, "x: expected"):
            of_net.run(sm.Queue(engine, of_net.workspace_bytes), x[:, :1], zeros, log_likelihood=got)


class TrainingTest(unittest.TestCase):
    def test_resumes_with_the_same_numbers(self):
        engine = host_engine()
        whole = self.train(engine, 8)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.safetensors")
            self.train(engine, 5, save=path)
            checkpoint = sm.Checkpoint.load(path)
        self.assertEqual(checkpoint["name"], "my value")
        self.assertIsNone(checkpoint["another"])
        self.assertEqual(checkpoint.noise, sm.Position(2, 5, 0))
        self.assertIn("learning_rate=0.01", checkpoint.adam.options)
        self.assertEqual(checkpoint.adam.progress[::2], (0.01, 5))
        self.assertFalse(np.array_equal(checkpoint.params, checkpoint.sampling_params))
        np.testing.assert_array_equal(self.train(engine, 3, start=checkpoint), whole)

    def train(self, engine, steps, start=None, save=None):
        loss = Loss(engine)
        adam = sm.Adam(engine, loss.net.param_count, "learning_rate=0.01 ema_decay=0.3")
        if start:
            self.assertEqual(start.net.text, loss.net.text)
            loss.params, loss.noise = start.params, sm.Noise(engine, start.noise)
            adam.restore(loss.queue, start.adam)
        for _ in range(steps):
            loss(sines())
            adam.step(loss.queue, loss.params, loss.grad)
            loss.noise.advance(loss.queue)
        progress = adam.progress(loss.queue)
        self.assertEqual((progress.step, progress.skipped), (steps if not start else 8, 0))
        if save:
            checkpoint = sm.Checkpoint(loss.net, loss.params)
            checkpoint.adam, checkpoint.noise = adam.snapshot(loss.queue), loss.noise.read(loss.queue)
            checkpoint["name"], checkpoint["another"] = "my value", None
            checkpoint.save(save)
        return np.concatenate([loss.params, loss.queue.read(adam.ema)])

    def test_saves_units_and_loss(self):
        net = sm.Net("dim=2 hidden=")
        checkpoint = sm.Checkpoint(net, np.zeros(net.param_count))
        self.assertIsNone(checkpoint.standardization)
        self.assertIsNone(checkpoint.loss)
        # The second column is constant, the last has heavy tails, and the others are correlated.
        units = [1, 0.1, -2], [0.5, 0, 1 / 3], [0, 0, 1.5], [[0.8, 0.6], [0.6, 0.8]]
        checkpoint.standardization = units
        checkpoint.loss = "objective=dsm schedule=geometric sigma_min=0.01 sigma_max=20"
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.safetensors")
            checkpoint.save(path)
            loaded = sm.Checkpoint.load(path)
        for got, expected in zip(loaded.standardization, units, strict=True):
            np.testing.assert_array_equal(got, expected)
        loaded.standardization = units[:2]
        self.assertEqual(loaded.standardization[2:], (None, None))
        self.assertIn("sigma_max=20", loaded.loss)
        loaded.loss = loaded.standardization = None
        self.assertIsNone(loaded.standardization)
        self.assertIsNone(loaded.loss)
        with self.assertRaisesRegex(ValueError, "as many scales as means, 2, got 1"):
            loaded.standardization = [1, 2], [1]
        with self.assertRaisesRegex(ValueError, r"mixing of shape \(2, 2\), got \(1, 2\)"):
            loaded.standardization = [1, 2], [1, 1], None, [[1, 2]]

    def test_saves_arrays_by_name(self):
        net = sm.Net("dim=2 hidden=")
        checkpoint = sm.Checkpoint(net, np.zeros(net.param_count))
        losses = np.array([0.5, np.inf, 1e-310])
        checkpoint.arrays["losses"], checkpoint.arrays["empty"], checkpoint.arrays["gone"] = losses, [], [1, 2]
        del checkpoint.arrays["gone"]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.safetensors")
            checkpoint.save(path)
            arrays = sm.Checkpoint.load(path).arrays  # the arrays keep their checkpoint alive
        self.assertEqual(list(arrays), ["empty", "losses"])
        np.testing.assert_array_equal(arrays["losses"], losses)
        self.assertEqual(arrays["empty"].shape, (0,))
        self.assertNotIn("gone", arrays)
        with self.assertRaises(KeyError):
            del arrays["gone"]
        with self.assertRaisesRegex(ValueError, "losses: expected one axis, got 2"):
            arrays["losses"] = np.zeros((2, 2))

    def test_layers_match_the_layout_of_torch(self):
        layers = sm.Net(NET).layers
        self.assertEqual(layers, [sm.Layer(5, 24, 0, 120), sm.Layer(24, 17, 144, 552), sm.Layer(17, 5, 569, 654)])
        self.assertEqual(sm.Net(NET).param_count, 659)

    def test_buffers(self):
        engine = host_engine()
        queue, buffer = sm.Queue(engine), engine.upload(np.arange(6.0).reshape(2, 3))
        self.assertEqual((buffer.shape, buffer.dtype), ((2, 3), np.float64))
        queue.write(buffer, 2 * np.arange(6.0).reshape(2, 3))
        np.testing.assert_array_equal(queue.read(buffer), 2 * np.arange(6.0).reshape(2, 3))
        np.testing.assert_array_equal(buffer.numpy(), queue.read(buffer))
        with self.assertRaisesRegex(TypeError, "expected float64, got int64"):
            queue.write(buffer, np.arange(6))
        self.assertFalse(queue.read(engine.zeros(4, np.int64)).any())
        queue.synchronize()
        self.assertRegex(sm.version, r"^\d+\.\d+\.\d+$")
        self.assertIn(engine.kind, engine.description)


if __name__ == "__main__":
    unittest.main()
