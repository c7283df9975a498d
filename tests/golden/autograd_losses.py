"""Losses, scores and gradients of score and energy nets by PyTorch's autograd, in float64. No code is shared with the
library. The conventions are those of docs/math.md."""

import math

import torch

PROCESSES = ("epsilon", "v_prediction", "data_prediction", "velocity")


def sigmoid(z):
    e = torch.exp(-z.abs())
    return torch.where(z > 0, 1 / (1 + e), e / (1 + e))


def hyperbolic_tangent(z):
    e = torch.exp(-2 * z.abs())
    return torch.sign(z) * -torch.expm1(-2 * z.abs()) / (1 + e)


# Written out rather than taken from torch.nn.functional: its softplus becomes linear at a threshold; erfc preserves the
# digits that 1 + erf loses in the left tail of gelu; and torch differentiates sigmoid and tanh by 1 - s and 1 - t^2,
# which vanish in a tail, where the losses of an energy net may consist of second derivatives alone.
ACTIVATIONS = {
    "silu": lambda z: z * sigmoid(z),
    "softplus": lambda z: z.clamp(min=0) + torch.log1p(torch.exp(-z.abs())),
    "tanh": hyperbolic_tangent,
    "gelu": lambda z: 0.5 * z * torch.special.erfc(-z / math.sqrt(2)),
}


def needs_sigma(metadata, noise_given):
    options = (metadata["parameterization"], metadata["conditioning"], metadata["weighting"])
    return noise_given or metadata["objective"] == "dsm" or options != ("plain", "none", "none")


def layer_count(tensors):
    return sum(name.startswith("layers.") and name.endswith(".weight") for name in tensors)


def check_names(tensors, metadata):
    """Checks that an input contains exactly what its case needs; only noise is optional."""
    objective = metadata["objective"]
    needed = {"x"} | {f"layers.{k}.{part}" for k in range(layer_count(tensors)) for part in ("weight", "bias")}
    needed |= {"sigma"} if needs_sigma(metadata, "noise" in tensors) else set()
    needed |= {"noise"} if objective == "dsm" or "noise" in tensors else set()
    needed |= {"directions"} if objective in ("ssm", "ssm_vr") else set()
    needed |= {"true_score"} if objective == "esm" else set()
    needed |= {"fourier.frequencies"} if metadata["conditioning"] == "fourier" else set()
    if int(metadata.get("context", "0")) > 0:
        needed |= {"labels"} if "labels" in tensors else {"context"}
        needed |= {"present"} if "present" in tensors and metadata.get("context_optional") == "true" else set()
    assert set(tensors) == needed, set(tensors) ^ needed


def preconditioning(metadata, sigma):
    """(a, b, c) of s = a x~ + b F(c x~, e(sigma))."""
    parameterization = metadata["parameterization"]
    if parameterization == "plain":
        return 0.0, 1.0, 1.0
    if parameterization in ("ncsn", "noise"):
        return 0.0, (1.0 if parameterization == "ncsn" else -1.0) / sigma, 1.0
    if parameterization in PROCESSES:
        alpha, skip, factor = denoiser(parameterization, sigma)
        return (skip - 1.0) / sigma**2, factor / sigma**2, alpha
    sigma_data = float(metadata.get("sigma_data", "0.5"))
    total = sigma**2 + sigma_data**2
    return -1.0 / total, sigma_data / (sigma * total**0.5), total**-0.5


def denoiser(parameterization, sigma):
    """(alpha, A, B) with D = A x~ + B F, from x_t = alpha x + beta eps with beta = sigma alpha, and s = (D - x~) /
    sigma^2: (a, b, c) without their closed forms."""
    if parameterization == "velocity":  # alpha = 1 - t, beta = t, F = eps - x = (x_t - x) / t
        t = sigma / (1.0 + sigma)
        return 1.0 - t, 1.0 - t, -t
    alpha = (1.0 + sigma**2) ** -0.5  # alpha^2 + beta^2 = 1
    if parameterization == "epsilon":  # x_t - beta F = alpha D
        return alpha, 1.0, -sigma
    if parameterization == "data_prediction":
        return alpha, 0.0, 1.0
    return alpha, alpha**2, -sigma * alpha  # v_prediction: F = alpha eps - beta x, so D = alpha x_t - beta F


def loss_weight(metadata, sigma):
    """lambda(sigma). |s + eps/sigma|^2 is |D - x|^2 / sigma^4, and the signal-to-noise ratio is 1 / sigma^2."""
    weighting = metadata["weighting"]
    if weighting == "none":
        return 1.0
    if weighting == "sigma2":
        return sigma**2
    if weighting in PROCESSES:
        return sigma**4 / denoiser(weighting, sigma)[2] ** 2
    if weighting == "min_snr":
        return sigma**4 * (sigma**-2.0).clip(max=float(metadata.get("gamma", "5")))
    if weighting == "truncated_snr":
        return sigma**4 * (sigma**-2.0).clip(min=1.0)
    sigma_data = float(metadata.get("sigma_data", "0.5"))
    return sigma**2 * (sigma**2 + sigma_data**2) / sigma_data**2


def contexts(tensors, metadata):
    """The context [N, c]; that of a class has one 1."""
    if "context" in tensors:
        return tensors["context"]
    return torch.nn.functional.one_hot(tensors["labels"].long(), int(metadata["context"])).double()


def features(tensors, metadata):
    """The input columns after c x~: of sigma, then of the context."""
    columns = [sigma_features(tensors, metadata)]
    if int(metadata.get("context", "0")) > 0:
        present = tensors.get("present", torch.ones(len(tensors["x"]), dtype=torch.float64))[:, None]
        columns.append(contexts(tensors, metadata) * present)
        columns += [present] if metadata.get("context_optional") == "true" else []
    return torch.cat(columns, dim=1)


def sigma_features(tensors, metadata):
    """[N, 0], [N, 1] or [N, 2F]."""
    if metadata["conditioning"] == "none":
        return torch.zeros(len(tensors["x"]), 0, dtype=torch.float64)
    log_sigma = torch.log(tensors["sigma"])[:, None]
    if metadata["conditioning"] == "log_sigma":
        return log_sigma
    phase = 2 * math.pi * tensors["fourier.frequencies"] * log_sigma
    return torch.cat([torch.sin(phase), torch.cos(phase)], dim=1)


def perturbed(tensors):
    """x~ [N, d]."""
    return tensors["x"] + tensors["sigma"][:, None] * tensors["noise"] if "noise" in tensors else tensors["x"]


def column(tensors):
    """sigma as [N, 1]; None if absent, in which case it is never read."""
    return tensors["sigma"][:, None] if "sigma" in tensors else None


def network(tensors, metadata, h, arguments=None):
    """F: [N, in] -> [N, d] or [N, 1]. Appends z of each hidden layer to `arguments` if given."""
    last = layer_count(tensors) - 1
    for k in range(last):
        z = h @ tensors[f"layers.{k}.weight"].T + tensors[f"layers.{k}.bias"]
        activated = ACTIVATIONS[metadata["activation"]](z)
        skip = metadata["residual"] == "true" and z.shape == h.shape
        h = activated + h if skip else activated
        if arguments is not None:
            arguments.append(z)
    return h @ tensors[f"layers.{last}.weight"].T + tensors[f"layers.{last}.bias"]


def score(tensors, metadata, x_tilde, arguments=None):
    """s [N, d], and the log-density up to a constant [N], or None for a score net."""
    a, b, c = preconditioning(metadata, column(tensors))
    h = torch.cat([c * x_tilde, features(tensors, metadata)], dim=1)
    output = network(tensors, metadata, h, arguments)
    if metadata["net"] == "score":
        return a * x_tilde + b * output, None
    log_density = a / 2 * (x_tilde**2).sum(1, keepdim=True) + b / c * output
    return torch.autograd.grad(log_density.sum(), x_tilde, create_graph=True)[0], log_density[:, 0]


def jacobian(s, x_tilde):
    """ds/dx [N, d, d], still differentiable. Samples do not interact, so a sum over the batch gives all their rows."""
    rows = [torch.autograd.grad(s[:, i].sum(), x_tilde, create_graph=True, allow_unused=True)[0] for i in range(s.shape[1])]
    return torch.stack([torch.zeros_like(x_tilde) if row is None else row for row in rows], dim=1)


def sample_losses(tensors, metadata):
    """loss [N] including lambda, score [N, d], (ds/dx) v [M, N, d] or None, log-density [N] or None."""
    objective = metadata["objective"]
    # If x requires a gradient, so does x~ already. Otherwise the Jacobian still needs x~ to require one.
    x_tilde = perturbed(tensors)
    x_tilde = x_tilde if x_tilde.requires_grad else x_tilde.clone().requires_grad_()
    s, log_density = score(tensors, metadata, x_tilde)
    jvp = None

    if objective == "esm":
        loss = 0.5 * ((s - tensors["true_score"]) ** 2).sum(1)
    elif objective == "dsm":
        loss = 0.5 * ((s + tensors["noise"] / column(tensors)) ** 2).sum(1)
    elif objective == "ism":
        loss = jacobian(s, x_tilde).diagonal(dim1=1, dim2=2).sum(1) + 0.5 * (s**2).sum(1)
    else:
        v = tensors["directions"]
        jvp = torch.einsum("nij,mnj->mni", jacobian(s, x_tilde), v)
        norm = (v * s).sum(2) ** 2 if objective == "ssm" else (s**2).sum(1)
        loss = ((v * jvp).sum(2) + 0.5 * norm).mean(0)
    return loss_weight(metadata, tensors.get("sigma")) * loss, s, jvp, log_density


def differentiated(tensors):
    return [name for name in tensors if name.startswith("layers.")] + [name for name in ("x", "context") if name in tensors]


def evaluate(tensors, metadata):
    """The tensors of the expected file."""
    check_names(tensors, metadata)
    if "labels" in tensors:
        tensors = dict(tensors, context=contexts(tensors, metadata))
    leaves = differentiated(tensors)
    tensors = {name: value.clone().requires_grad_(name in leaves) for name, value in tensors.items()}
    loss, s, jvp, log_density = sample_losses(tensors, metadata)
    # No loss depends on the output bias of an energy. Without hidden layers, it may not depend on x either.
    gradients = torch.autograd.grad(loss.mean(), [tensors[name] for name in leaves], allow_unused=True)
    gradients = [torch.zeros_like(tensors[name]) if g is None else g for name, g in zip(leaves, gradients)]

    count = len(loss)
    error = loss.std(unbiased=True) / math.sqrt(count) if count > 1 else torch.tensor(math.nan)
    out = {"loss": loss.mean()[None], "standard_error": error.double()[None], "loss_per_sample": loss, "score": s}
    if jvp is not None:
        out["jvp"] = jvp
    if log_density is not None:
        out["log_density"] = log_density
    out.update({f"grad.{name}": gradient for name, gradient in zip(leaves, gradients)})
    return {name: value.detach().numpy() for name, value in out.items()}
