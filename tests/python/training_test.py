"""Adam, checkpoints, and the memory of engines."""

import os
import tempfile
import unittest

from support import NET, Loss, host_engine, np, sines, sm


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

    def test_groups_have_their_own_rate_and_decay(self):
        engine = host_engine()
        net = sm.Net("dim=2 hidden=3")
        groups = sm.bias_groups(net) + [sm.layer_group(net, 1, 0.0)]
        self.assertEqual(groups[0], (6, 3, 1.0, 0.0))
        self.assertEqual(groups[2], (9, 8, 0.0, 1.0))
        adam = sm.Adam(engine, net.param_count, "learning_rate=0.5 weight_decay=0.5", groups)
        params, queue = np.ones(net.param_count, np.float32), sm.Queue(engine, 0)
        adam.step(queue, params, np.zeros(net.param_count, np.float32))
        np.testing.assert_allclose(params, [0.75] * 6 + [1] * 11, rtol=1e-6)
        again = sm.Adam(engine, net.param_count, adam.snapshot(queue).options)
        again.step(queue, params, np.zeros(net.param_count, np.float32))
        np.testing.assert_allclose(params, [0.5625] * 6 + [1] * 11, rtol=1e-6)
        with self.assertRaisesRegex(sm.Error, "groups.0.: expected elements of the 17 parameters"):
            sm.Adam(engine, net.param_count, None, [sm.ParamGroup(16, 2)])

    def test_an_average_for_another_optimizer(self):
        engine = host_engine()
        queue = sm.Queue(engine, 0)
        ema = sm.Ema(engine, 3, 0.75)
        with self.assertRaisesRegex(sm.Error, "an update before start"):
            ema.update(queue, np.zeros(3, np.float32))
        ema.start(queue, np.array([1, 2, 3], np.float32))
        ema.update(queue, np.array([5, 2, -1], np.float32))
        np.testing.assert_array_equal(queue.read(ema.average), [2, 2, 2])
        with self.assertRaisesRegex(sm.Error, "decay: expected in .0, 1., got 1"):
            sm.Ema(engine, 3, 1)

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
        array = np.asarray(buffer)
        del buffer  # the array keeps the memory alive
        array[:] = 7
        self.assertTrue(np.all(array == 7))
        buffer = engine.zeros((2, 3), "float64")
        with self.assertRaisesRegex(TypeError, "expected float64, got int64"):
            queue.write(buffer, np.arange(6))
        self.assertFalse(queue.read(engine.zeros(4, np.int64)).any())
        for shape in ((), (1, 1, 1, 1)):
            with self.assertRaisesRegex(ValueError, f"expected one to three axes, got {len(shape)}"):
                engine.zeros(shape)
            with self.assertRaisesRegex(ValueError, f"expected one to three axes, got {len(shape)}"):
                engine.upload(np.zeros(shape))
        with self.assertRaisesRegex(TypeError, "dtype: expected float32, float64 or int64, got float16"):
            engine.zeros(3, "float16")
        queue.synchronize()
        self.assertRegex(sm.version, r"^\d+\.\d+\.\d+$")
        self.assertIn(engine.kind, engine.description)


if __name__ == "__main__":
    unittest.main()
