"""The other plans: scores, the parts, samplers, likelihoods."""

import gc
import unittest
import weakref

from support import host_engine, np, sm


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

    def test_contexts(self):
        """Labels are the rows of contexts that have one 1; guidance 0 has no context, and 1 only that."""
        for engine in (sm.Engine.reference(), host_engine()):
            net = sm.Net("dim=2 hidden=8 parameterization=edm context=3 context_optional=true")
            params = net.initial_params(1, "torch")
            labels = np.array([2, 0, 1, 2], np.int64)
            one_hot = np.eye(3, dtype=np.float32)[labels]
            loss = sm.LossPlan(engine, net, "objective=dsm schedule=log_normal context_dropout=0.3", 4)
            queue, noise = sm.Queue(engine, loss.workspace_bytes), sm.Noise(engine, 2)
            x = np.arange(8, dtype=np.float32).reshape(4, 2) / 8
            by_label, by_context = np.empty((2, 4, 3), np.float32)
            loss.run(queue, params=params, x=x, noise=noise, labels=labels, grad_context=by_label)
            loss.run(queue, params=params, x=x, noise=noise, context=one_hot, grad_context=by_context)
            np.testing.assert_array_equal(by_label, by_context)
            self.assertTrue(by_label.any())

            def draw(guidance, **context):
                text = f"sampler=flow sigma_min=0.1 sigma_max=5 steps=4 guidance={guidance}"
                plan = sm.SamplerPlan(engine, net, text, 4)
                samples = np.empty((4, 2), np.float32)
                plan.run(sm.Queue(engine, plan.workspace_bytes), noise, samples, params, **context)
                return samples

            np.testing.assert_array_equal(draw(0, labels=labels), draw(1))
            np.testing.assert_array_equal(draw(2, labels=labels), draw(2, context=one_hot))
            self.assertTrue((draw(2, labels=labels) != draw(1, labels=labels)).any())
            with self.assertRaisesRegex(sm.Error, "context: expected one for each sample, as guidance is 2, got nothing"):
                draw(2)

    def test_gradient_variance(self):
        """With s = W x + b and Rademacher directions, V_v is that of v v^T: d (d - 1)."""
        for engine in (sm.Engine.reference(), host_engine()):
            net = sm.Net("dim=2")
            params = np.array([-1, 0.1, 0.1, -1, 0, 0], np.float32)
            x = np.random.default_rng(1).standard_normal((1000, 2)).astype(np.float32)
            variance = sm.GradientVariance(engine, net, "objective=ssm_vr distribution=rademacher", 32, 400)
            queue = sm.Queue(engine, variance.workspace_bytes)
            got = variance.measure(queue, params=params, x=x, seed=5)
            self.assertEqual(got, variance.measure(queue, params=params, x=x, seed=5))
            self.assertNotEqual(got, variance.measure(queue, params=params, x=x, seed=6))
            self.assertAlmostEqual(got.directions.value, 2, delta=4 * got.directions.standard_error)
            self.assertLess(got.directions.standard_error, 0.5)  # Gaussian directions would have 6
            self.assertEqual(got.noise, sm.Measured(0, 0))
            self.assertAlmostEqual(got.trace.value, got.data.value + got.directions.value, places=9)
            with self.assertRaisesRegex(sm.Error, "probes: expected between 3 and 65536, got 2"):
                sm.GradientVariance(engine, net, "objective=ism", 32, 2)
            with self.assertRaisesRegex(sm.Error, "x: expected"):
                variance.measure(queue, params=params, x=x[:, :1].copy(), seed=5)

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
        sm.DirectionPlan(engine, 2, "projections=2 distribution=hadamard", 50).run(queue, noise, directions[:2])
        self.assertTrue(np.all(np.sum(directions[0] * directions[1], axis=1) == 0))

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


    def test_own_network_is_sampled_without_a_formula(self):
        for engine, dtype in (
            (host_engine(), "float32"), (sm.Engine.reference(), "float32"), (sm.Engine.reference(), "float64")
        ):
            net = sm.Net("dim=2 hidden= parameterization=edm sigma_data=0.7 conditioning=log_sigma")
            params = net.initial_params(3, "torch")
            weight, bias, calls = params[:6].reshape(2, 3), params[6:], []

            def evaluate(queue, call):
                calls.append(call.jvp and call.jvp.numpy().shape)
                z, out = call.net_input.numpy(), call.output.numpy()
                np.testing.assert_allclose(z[:, 2], np.log(call.sigma.numpy()), atol=1e-5)
                self.assertEqual(z.dtype, dtype)
                out[:] = z @ weight.T + bias
                if call.directions is not None:
                    call.jvp.numpy()[:] = call.directions.numpy() @ weight[:, :2].T

            text = "parameterization=edm sigma_data=0.7 conditioning=log_sigma"
            own = sm.OwnNetwork(2, evaluate, text, dtype)
            results = []
            for of, given in ((net, params), (own, None)):
                flow = sm.SamplerPlan(engine, of, "sampler=flow sigma_min=0.1 sigma_max=2 steps=6", 20)
                samples, values = np.empty((20, 2), np.float32), np.empty(20, np.float32)
                flow.run(sm.Queue(engine, flow.workspace_bytes), sm.Noise(engine, 1), samples, given)
                density = sm.LikelihoodPlan(engine, of, "sigma_min=0.1 sigma_max=2 steps=6 projections=2", 20)
                queue = sm.Queue(engine, density.workspace_bytes)
                density.run(queue, samples, given, sm.Noise(engine, 2), log_likelihood=values)
                results.append((samples, values))
            for want, got in zip(*results):
                np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
            self.assertEqual((calls[0], calls[-1]), (None, (2, 20, 2)))
            plan = sm.SamplerPlan(engine, sm.OwnNetwork(2, lambda queue, call: 1 / 0), "sampler=flow", 20)
            with self.assertRaises(ZeroDivisionError):
                plan.run(sm.Queue(engine, plan.workspace_bytes), sm.Noise(engine, 1), samples)
        with self.assertRaisesRegex(ValueError, "dtype: expected float32 or float64, got float16"):
            sm.SamplerPlan(engine, own._replace(dtype="float16"), "sampler=flow", 20)
        with self.assertRaisesRegex(TypeError, "net: expected a dimension"):
            sm.SamplerPlan(engine, own, "sampler=flow", 20, score=evaluate)
        with self.assertRaisesRegex(sm.Error, "network.text.schedule"):
            sm.SamplerPlan(engine, own._replace(text="schedule=single"), "sampler=flow", 20)
        with self.assertRaisesRegex(sm.Error, "net.dtype: expected f32"):
            sm.LikelihoodPlan(host_engine(), own, None, 20)

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


if __name__ == "__main__":
    unittest.main()
