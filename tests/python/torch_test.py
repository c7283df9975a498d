"""scorematch.torch: losses and gradients against torch's own, and what it refuses. Skipped without PyTorch."""

import sys
import unittest

from support import BATCH, LOSS, NET, Loss, host_engine, np, sines, sm

try:
    import torch
except ImportError:
    print("skipped: PyTorch is not installed")
    sys.exit(77)
from scorematch.torch import LossResult, ScoreMatchingLoss


def module_of(net, params):
    """The net of support.py as a module of torch, with these parameters."""
    sizes = [(layer.inputs, layer.outputs) for layer in net.layers]
    layers = []
    for inputs, outputs in sizes:
        layers += [torch.nn.Linear(inputs, outputs, dtype=torch.float64), torch.nn.SiLU()]
    module = torch.nn.Sequential(*layers[:-1])
    torch.nn.utils.vector_to_parameters(torch.from_numpy(params), module.parameters())
    return module


def dsm_in_torch(module, x, eps, sigma):
    """The losses of the samples for LOSS: 1/2 sigma^2 |s(x + sigma eps) + eps / sigma|^2."""
    residual = module(x + sigma * eps) + eps / sigma
    return 0.5 * sigma**2 * residual.square().sum(1)


class Setup:
    """The loss of support.py for PyTorch."""

    def __init__(self, engine=None, dtype=torch.float32):
        self.engine = engine or host_engine()
        self.net = sm.Net(NET)
        self.loss_of = ScoreMatchingLoss(self.engine, self.net, LOSS, BATCH)
        self.params = torch.from_numpy(self.net.initial_params(1, "torch")).to(dtype).requires_grad_()
        self.x = torch.from_numpy(sines()).to(dtype)
        self.noise = sm.Noise(self.engine, 2)

    def __call__(self, **more):
        return self.loss_of(more.pop("params", self.params), more.pop("x", self.x), self.noise, **more)


class ValueTest(unittest.TestCase):
    def test_equals_the_plan(self):
        plan, setup = Loss(host_engine()), Setup()
        whole = plan(sines())
        result = setup()
        self.assertEqual(result.read(), whole)
        self.assertEqual(result.loss.item(), whole.mean)
        self.assertAlmostEqual(result.loss_per_sample.double().mean().item(), whole.mean, places=5)
        result.loss.backward()
        np.testing.assert_array_equal(setup.params.grad.numpy(), plan.grad)

    def test_equals_the_double_precision_of_torch(self):
        setup = Setup(sm.Engine.reference(), torch.float64)
        eps = torch.from_numpy(np.random.default_rng(4).standard_normal((BATCH, 5)))
        module = module_of(setup.net, setup.params.detach().numpy())
        expected = dsm_in_torch(module, setup.x, eps, 0.5)
        expected.mean().backward()
        result = setup(eps=eps)
        result.loss.backward()
        torch.testing.assert_close(result.loss_per_sample, expected.detach(), rtol=1e-12, atol=1e-12)
        flat = torch.cat([each.grad.reshape(-1) for each in module.parameters()])
        torch.testing.assert_close(setup.params.grad, flat, rtol=1e-11, atol=1e-13)

    def test_takes_the_parameters_of_a_module(self):
        setup = Setup(sm.Engine.reference(), torch.float64)
        setup().loss.backward()
        module = module_of(setup.net, setup.params.detach().numpy())
        setup(params=module.parameters()).loss.backward()
        flat = torch.cat([each.grad.reshape(-1) for each in module.parameters()])
        torch.testing.assert_close(flat, setup.params.grad, rtol=0, atol=0)

    def test_backward_multiplies_by_the_gradient_that_reaches_it(self):
        setup = Setup()
        setup().loss.backward()
        once = setup.params.grad.clone()
        setup.params.grad = None
        (3 * setup().loss + setup().loss).backward()
        torch.testing.assert_close(setup.params.grad, 4 * once)
        self.assertEqual(setup.params.grad.dtype, torch.float32)

    def test_the_gradient_is_that_of_the_call(self):
        """Later calls, which use the same plan, do not change it."""
        setup = Setup()
        first = setup()
        setup(x=2 * setup.x)
        first.loss.backward()
        again = setup.params.grad.clone()
        setup.params.grad = None
        setup().loss.backward()
        torch.testing.assert_close(again, setup.params.grad, rtol=0, atol=0)

    def test_selected_rows(self):
        setup = Setup()
        self.assertEqual(setup(draw_rows=7).loss_per_sample.shape, (7,))
        rows = torch.arange(BATCH).flip(0)
        result = setup(x=setup.x.flip(0).contiguous(), rows=rows)
        self.assertEqual(result.read(), setup().read())

    def test_columns_of_a_table_are_used_in_place(self):
        setup = Setup()
        table = torch.full((BATCH, 9), float("nan"))
        table[:, 2:7] = setup.x
        self.assertEqual(setup(x=table[:, 2:7]).read(), setup().read())


class GraphTest(unittest.TestCase):
    def test_without_gradients_none_is_computed(self):
        setup = Setup()
        with torch.no_grad():
            self.assertFalse(setup().loss.requires_grad)
        self.assertFalse(setup(params=setup.params.detach()).loss.requires_grad)
        result = setup()
        self.assertTrue(result.loss.requires_grad)
        self.assertFalse(result.loss_per_sample.requires_grad or result.estimate.requires_grad)

    def test_second_derivatives_are_refused(self):
        setup = Setup()
        with self.assertRaisesRegex(RuntimeError, "loss: expected backward\\(\\) without create_graph"):
            torch.autograd.grad(setup().loss, setup.params, create_graph=True)

    def test_an_optimizer_of_torch_lowers_the_loss(self):
        setup = Setup()
        optimizer = torch.optim.Adam([setup.params], lr=1e-2)
        losses = []
        for _ in range(60):
            optimizer.zero_grad()
            loss = setup().loss
            loss.backward()
            optimizer.step()
            setup.noise.advance(setup.loss_of.queue)
            losses.append(loss.item())
        self.assertLess(np.mean(losses[-10:]), 0.8 * np.mean(losses[:10]))


class RefusalTest(unittest.TestCase):
    def test_inputs_that_require_a_gradient(self):
        setup = Setup()
        with self.assertRaisesRegex(ValueError, "x: expected a tensor without gradient, got one that requires it"):
            setup(x=setup.x.clone().requires_grad_())
        with self.assertRaisesRegex(ValueError, "sigma: expected a tensor without gradient"):
            setup(sigma=torch.ones(1, requires_grad=True))

    def test_objects_that_are_no_tensors(self):
        setup = Setup()
        with self.assertRaisesRegex(TypeError, "x: expected a tensor, got ndarray"):
            setup(x=sines())
        with self.assertRaisesRegex(ValueError, "params: expected one tensor, or those of a module, got none"):
            setup(params=[])

    def test_tensors_that_are_not_the_engines(self):
        setup = Setup()
        with self.assertRaisesRegex(ValueError, "x: expected host memory, like the engine's, got memory of 'meta'"):
            setup(x=setup.x.to("meta"))
        with self.assertRaisesRegex(TypeError, "x: expected float32, float64 or int64, got bfloat16"):
            setup(x=setup.x.to(torch.bfloat16))
        with self.assertRaisesRegex(sm.Error, r"x: expected \[any, 5\] float32, got \[96, 4\]"):
            setup(x=setup.x[:, :4])
        with self.assertRaisesRegex(ValueError, "x: expected one to three axes, got 0"):
            setup(x=torch.tensor(1.0))


class TensorTest(unittest.TestCase):
    def test_plans_take_tensors(self):
        loss = Loss(host_engine())
        whole, grad = loss(sines()), torch.empty(loss.net.param_count)
        place = torch.empty(3, dtype=torch.float64)
        loss(torch.from_numpy(sines()), params=torch.from_numpy(loss.params), grad=grad, loss=place)
        self.assertEqual(sm.Estimate(*place.tolist()), whole)
        np.testing.assert_array_equal(grad.numpy(), loss.grad)


class DocumentationTest(unittest.TestCase):
    def test_classes_and_functions_have_docstrings(self):
        functions = (ScoreMatchingLoss.__init__, ScoreMatchingLoss.__call__, LossResult.read)
        self.assertTrue(all(what.__doc__ for what in (ScoreMatchingLoss, LossResult, *functions)))


def has_gpu():
    """Whether both PyTorch and the library have one."""
    try:
        return torch.cuda.is_available() and sm.Engine.cuda() is not None
    except sm.Error:
        return False


@unittest.skipUnless(has_gpu(), "PyTorch or the library has no GPU")
class GpuTest(unittest.TestCase):
    def test_equals_the_host(self):
        host = Setup()
        host().loss.backward()
        setup = Setup(sm.Engine.cuda())
        params = host.params.detach().cuda().requires_grad_()
        result = setup(params=params, x=host.x.cuda())
        result.loss.backward()
        self.assertAlmostEqual(result.loss.item() / host().loss.item(), 1, places=5)
        torch.testing.assert_close(params.grad.cpu(), host.params.grad, rtol=1e-3, atol=1e-5)
        with torch.cuda.stream(torch.cuda.Stream()):
            with self.assertRaisesRegex(RuntimeError, "stream: expected torch's current stream to be that of"):
                setup(params=params, x=host.x.cuda())

    def test_a_buffer_is_a_tensor(self):
        buffer = sm.Engine.cuda().upload(sines())
        np.testing.assert_array_equal(torch.as_tensor(buffer, device="cuda").cpu().numpy(), sines())


if __name__ == "__main__":
    unittest.main()
