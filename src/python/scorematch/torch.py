"""The library's loss as a function of PyTorch: loss.backward() gives the gradient of the parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Union

import torch
from torch import Tensor

from .engine import Engine, Estimate, Queue
from .net import Net
from .noise import NoiseLike
from .plans import LossPlan


class LossResult(NamedTuple):
    """What ScoreMatchingLoss computes."""

    loss: Tensor
    """float64 scalar: the mean over the samples, for backward()."""
    loss_per_sample: Tensor
    """[N], the losses of the samples; not differentiable."""
    estimate: Tensor
    """float64 [3]: count, mean and sum of squared deviations; not differentiable."""

    def read(self) -> Estimate:
        """The mean with its standard error, on the host. Waits for the device."""
        return Estimate(*self.estimate.tolist())


class ScoreMatchingLoss:
    """A loss of a Net, differentiable with respect to its parameters.

    One call computes loss and gradient together, and backward() multiplies that gradient by the one that reaches the
    loss. So there are only first derivatives, and torch stores no intermediate results. It belongs to one thread and,
    on a GPU, to the stream that was torch's current one when it was made.
    """

    def __init__(self, engine: Engine, net: Net, loss: str, max_batch: int, compute: str | None = None) -> None:
        """engine: cpu or reference for tensors on the CPU, cuda for those of its GPU. The others: as of LossPlan, which
        raises the same errors."""
        self._device = torch.device("cpu" if engine.on_host else "cuda")
        self._plan = LossPlan(engine, net, loss, max_batch, compute)
        self.queue = Queue(engine, self._plan.workspace_bytes, self._current_stream())
        """For Noise.advance, and everything else that is ordered with the loss."""

    def __call__(
        self,
        params: Union[Tensor, Iterable[Tensor]],
        x: Tensor,
        noise: NoiseLike = None,
        *,
        sigma: Tensor | None = None,
        eps: Tensor | None = None,
        directions: Tensor | None = None,
        true_score: Tensor | None = None,
        rows: Tensor | None = None,
        draw_rows: int = 0,
        weight: Tensor | None = None,
        context: Tensor | None = None,
        present: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> LossResult:
        """Computes the loss, and its gradient if params require one and torch's gradients are enabled.

        params: one tensor [P], which is used in place; or the parameters of a module in the order of Net.layers,
        which are copied into one.
        x to labels: as of LossPlan.run. The gradient is with respect to params only, so these must not require one.
        Raises TypeError or ValueError for tensors that are not the engine's, ValueError for inputs that require a
        gradient, RuntimeError on another stream than that of the queue, Error as LossPlan.run does. backward() raises
        RuntimeError with create_graph=True.
        """
        inputs = {
            "x": x,
            "sigma": sigma,
            "eps": eps,
            "directions": directions,
            "true_score": true_score,
            "rows": rows,
            "weight": weight,
            "context": context,
            "present": present,
            "labels": labels,
        }
        for name, tensor in inputs.items():
            if tensor is None:
                continue
            if not isinstance(tensor, Tensor):
                raise TypeError(f"{name}: expected a tensor, got {type(tensor).__name__}")
            if tensor.requires_grad:
                raise ValueError(f"{name}: expected a tensor without gradient, got one that requires it; use detach()")
        stream = self._current_stream()
        if stream != self.queue.stream:
            raise RuntimeError(
                f"stream: expected torch's current stream to be that of the queue, {self.queue.stream}, got {stream}"
            )
        batch = draw_rows or (x if rows is None else rows).shape[:1].numel()
        given = {**inputs, "noise": noise, "draw_rows": draw_rows}
        return LossResult(*_Loss.apply(_flat(params), self, given, batch, torch.is_grad_enabled()))

    def _current_stream(self) -> int | None:
        return int(torch.cuda.current_stream().cuda_stream) if self._device.type == "cuda" else None


def _flat(params: Union[Tensor, Iterable[Tensor]]) -> Tensor:
    if isinstance(params, Tensor):
        return params
    parts = [each.reshape(-1) for each in params]
    if not parts:
        raise ValueError("params: expected one tensor, or those of a module, got none")
    return torch.cat(parts)


class _Loss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, params: Tensor, loss_of: ScoreMatchingLoss, given: Any, batch: int, differentiate: bool
    ) -> Any:
        estimate = torch.empty(3, dtype=torch.float64, device=params.device)
        per_sample = torch.empty(batch, dtype=params.dtype, device=params.device)
        grad = torch.empty_like(params) if differentiate and ctx.needs_input_grad[0] else None
        loss_of._plan.run(loss_of.queue, params=params, loss=estimate, grad=grad, loss_per_sample=per_sample, **given)
        ctx.save_for_backward(grad)
        ctx.mark_non_differentiable(per_sample, estimate)
        return estimate[1].clone(), per_sample, estimate

    @staticmethod
    def backward(ctx: Any, grad_loss: Tensor, *_: Any) -> Any:
        if torch.is_grad_enabled():  # otherwise, torch would take the gradient for a constant
            raise RuntimeError("loss: expected backward() without create_graph, got create_graph=True")
        (grad,) = ctx.saved_tensors
        return grad * grad_loss, None, None, None, None
