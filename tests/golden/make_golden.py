"""Writes the golden cases in tests/golden/cases: score and energy nets, evaluated by an independent autograd.

There are two files for every kind of net, objective (esm, ism, dsm, ssm, ssm_vr), activation, parameterization and
conditioning, for every way to give a context, and for every weighting of a process. Their names begin with `energy-` for energy nets:

    <objective>-<activation>-<parameterization>-<conditioning>.safetensors            the input of `scorematch eval`
    <objective>-<activation>-<parameterization>-<conditioning>.expected.safetensors   its expected output, in float64
    <objective>-<context, optional_context or labels>[.expected].safetensors
    <objective>-<parameterization of a process>-<weighting>[.expected].safetensors

The formats are those of docs/eval-format.md. An input file contains exactly the tensors and metadata that its case
needs. The remaining options (weighting, residual, sigma_data, noise, depth, widths, M, dim, N, the size of sigma and of
the weights, the stored type) are dealt from shuffled decks, one set of decks per net and objective, so that every value
of each option occurs with every objective.

Conventions: docs/math.md. In short, for each sample, at the point x~ = x + sigma noise (or x if there is no noise),
with all terms multiplied by lambda(sigma):

    esm     1/2 |s - true_score|^2              ssm      mean over M of  v' (ds/dx) v + 1/2 (v's)^2
    ism     tr(ds/dx) + 1/2 |s|^2               ssm_vr   mean over M of  v' (ds/dx) v + 1/2 |s|^2
    dsm     1/2 |s + noise/sigma|^2

where s is a x~ + b F(c x~, e) or, for an energy net, the gradient by autograd of f = a/2 |x~|^2 + b/c F(c x~, e).

The expected values come from PyTorch alone: ds/dx is the full Jacobian by autograd, row by row, and the gradients of
the mean loss differentiate through it. No code is shared with the library. Each case is evaluated from exactly the
bytes that are written. Before they are written, its gradients must agree with central finite differences and, if the
net is affine, its loss, score and products with the closed form.

Inputs are rounded to numbers that float32 represents exactly, so that a float32 engine gets the same case. Some are
also stored as float32.

Run this from anywhere, with NumPy and PyTorch 1.13 or later:

    python3 tests/golden/make_golden.py

It takes a few seconds and always writes the same bytes with the same version of PyTorch. The results are committed, so
building and testing the library never needs Python.
"""

import collections
import itertools
import math
import pathlib
import zlib

import numpy as np
import torch

from autograd_losses import (
    ACTIVATIONS, PROCESSES, column, differentiated, evaluate, features, layer_count, loss_weight, needs_sigma, perturbed,
    preconditioning, sample_losses, score,
)
from safetensors_bytes import decode, encode

CASES = pathlib.Path(__file__).resolve().parent / "cases"

NETS = ("score", "energy")
OBJECTIVES = ("esm", "ism", "dsm", "ssm", "ssm_vr")
PARAMETERIZATIONS = ("plain", "ncsn", "noise", "edm")
CONDITIONINGS = ("none", "log_sigma", "fourier")
WEIGHTINGS = ("none", "sigma2", "edm")


# ---- checks before a case is written ----


def check_gradients(tensors, metadata, expected, random):
    """Compares every gradient with the five-point central difference along a random direction, one tensor at a time."""
    step = 2e-4
    for name in differentiated(tensors):
        direction = random.standard_normal(tensors[name].shape)

        def mean_loss(distance):
            moved = dict(tensors, **{name: tensors[name] + distance * torch.from_numpy(direction)})
            return sample_losses(moved, metadata)[0].mean().item()

        near = mean_loss(step) - mean_loss(-step)
        far = mean_loss(2 * step) - mean_loss(-2 * step)
        difference = (8 * near - far) / (12 * step)
        products = expected[f"grad.{name}"] * direction
        # The second term is the effect of rounding the loss on the difference.
        rounding = 20 * np.finfo(float).eps * np.abs(expected["loss_per_sample"]).mean() / step
        assert abs(difference - products.sum()) <= 1e-6 * np.abs(products).sum() + rounding, (metadata, name)


def check_affine(tensors, metadata, expected):
    """Without hidden layers, s = a x~ + b (W [c x~, e] + bias), so ds/dx = a I + b c W_x, and the loss is algebra. For
    an energy net, s = a x~ + b W_x."""
    x_tilde = perturbed(tensors).numpy()
    count, dim = x_tilde.shape
    sigma = column(tensors).numpy() if "sigma" in tensors else None
    a, b, c = (np.broadcast_to(value, (count, 1)) for value in preconditioning(metadata, sigma))
    weight, bias = tensors["layers.0.weight"].numpy(), tensors["layers.0.bias"].numpy()
    h = np.concatenate([c * x_tilde, features(tensors, metadata).numpy()], axis=1)
    if metadata["net"] == "score":
        s = a * x_tilde + b * (h @ weight.T + bias)
        derivative = a[:, :, None] * np.eye(dim) + (b * c)[:, :, None] * weight[:, :dim]
    else:
        s = a * x_tilde + b * weight[:, :dim]
        derivative = a[:, :, None] * np.eye(dim)
        log_density = (a / 2 * np.sum(x_tilde**2, axis=1, keepdims=True) + b / c * (h @ weight.T + bias))[:, 0]
        np.testing.assert_allclose(
            expected["log_density"], log_density, rtol=1e-11, atol=1e-11 * np.abs(log_density).max()
        )

    objective = metadata["objective"]
    if objective == "esm":
        loss = 0.5 * np.sum((s - tensors["true_score"].numpy()) ** 2, axis=1)
    elif objective == "dsm":
        loss = 0.5 * np.sum((s + tensors["noise"].numpy() / sigma) ** 2, axis=1)
    elif objective == "ism":
        loss = np.trace(derivative, axis1=1, axis2=2) + 0.5 * np.sum(s**2, axis=1)
    else:
        v = tensors["directions"].numpy()
        jvp = np.einsum("nij,mnj->mni", derivative, v)
        np.testing.assert_allclose(expected["jvp"], jvp, rtol=1e-11, atol=1e-11 * np.abs(jvp).max())
        quadratic = np.einsum("mni,nij,mnj->n", v, derivative, v) / len(v)
        norm = np.mean(np.sum(v * s, axis=2) ** 2, axis=0) if objective == "ssm" else np.sum(s**2, axis=1)
        loss = quadratic + 0.5 * norm
    loss = (np.ones((count, 1)) * loss_weight(metadata, sigma))[:, 0] * loss
    np.testing.assert_allclose(expected["score"], s, rtol=1e-11, atol=1e-11 * np.abs(s).max())
    np.testing.assert_allclose(expected["loss_per_sample"], loss, rtol=1e-11, atol=1e-11 * np.abs(loss).max())


# ---- the cases ----


def deck(random, values, size):
    """A list of `size` values in random order, with nearly equal counts of each."""
    return [values[index % len(values)] for index in random.permutation(size)]


def deal(net, objective):
    """Yields (name, metadata, the other options) for the cases of one kind of net and one objective."""
    prefix = objective if net == "score" else f"{net}-{objective}"
    # RandomState, because its streams never change; those of Generator may change between NumPy versions.
    random = np.random.RandomState(zlib.crc32(prefix.encode()))
    product = list(itertools.product(ACTIVATIONS, PARAMETERIZATIONS, CONDITIONINGS))
    decks = {
        "weighting": WEIGHTINGS,
        "residual": ("false", "true", "true"),
        "sigma_data": (None, "0.5", "0.25", "1.25"),  # None: not set, so the default applies
        "noise": (False, True),
        "hidden_layers": (0, 1, 2, 3, 1, 2, 3),
        "widths": ("unequal", "neighbors", "input", "all", "output"),
        "dim": (1, 2, 3, 4, 5, 6, 7),
        "batch": (1, 2, 3, 4, 5, 6, 7),
        "directions": (1, 2, 3),
        "sigma": ("ordinary", "small", "large"),
        "weights": ("ordinary", "ordinary", "large"),
        "dtype": (np.float64,) * 9 + (np.float32,),
    }
    dealt = {name: deck(random, values, len(product)) for name, values in decks.items()}
    for index, (activation, parameterization, conditioning) in enumerate(product):
        options = {name: cards[index] for name, cards in dealt.items()}
        # Only the plain cases work without sigma, and they are too few to leave it to chance: half of them omit it.
        if (parameterization, conditioning) == ("plain", "none") and activation in ("silu", "gelu"):
            options.update(weighting="none", noise=False)
        metadata = {
            "objective": objective,
            "net": net,
            "activation": activation,
            "parameterization": parameterization,
            "conditioning": conditioning,
            "weighting": options["weighting"],
            "residual": options["residual"],
        }
        # sigma_data is written only if something reads it.
        if options["sigma_data"] is not None and "edm" in (parameterization, options["weighting"]):
            metadata["sigma_data"] = options["sigma_data"]
        yield "-".join((prefix, activation, parameterization, conditioning)), metadata, options


CONTEXTS = ("context", "optional_context", "labels")


def deal_contexts(net, objective):
    """The same for networks with a context: three cases, which differ in how it is given."""
    prefix = objective if net == "score" else f"{net}-{objective}"
    random = np.random.RandomState(zlib.crc32(f"{prefix}-contexts".encode()))
    for kind in CONTEXTS:
        def pick(values):
            return values[random.randint(len(values))]

        options = {
            "noise": pick((False, True)), "hidden_layers": pick((0, 1, 2)), "widths": pick(("unequal", "neighbors")),
            "dim": pick((1, 2, 3, 4, 5)), "batch": pick((4, 5, 6, 7)), "directions": pick((1, 2, 3)),
            "sigma": "ordinary", "weights": "ordinary", "dtype": np.float64, "context": pick((1, 2, 3, 4)), "kind": kind,
        }
        metadata = {
            "objective": objective,
            "net": net,
            "activation": pick(tuple(ACTIVATIONS)),
            "parameterization": pick(PARAMETERIZATIONS),
            "conditioning": pick(CONDITIONINGS),
            "weighting": pick(WEIGHTINGS),
            "residual": pick(("false", "true")),
            "context": str(options["context"]),
        }
        if kind != "context":
            metadata["context_optional"] = "true"
        yield "-".join((prefix, kind)), metadata, options


PROCESS_WEIGHTINGS = ("v_prediction", "data_prediction", "velocity", "min_snr", "truncated_snr")


def deal_processes(net, objective):
    """The parameterizations and weightings of processes x_t = alpha x + beta eps: each weighting once, and in turn the
    parameterizations."""
    prefix = objective if net == "score" else f"{net}-{objective}"
    random = np.random.RandomState(zlib.crc32(f"{prefix}-processes".encode()))
    first = random.randint(len(PROCESSES))
    for index, weighting in enumerate(PROCESS_WEIGHTINGS):
        def pick(values):
            return values[random.randint(len(values))]

        options = {
            "noise": pick((False, True)), "hidden_layers": pick((0, 1, 2)), "widths": pick(("unequal", "neighbors")),
            "dim": pick((1, 2, 3, 4, 5)), "batch": pick((4, 5, 6, 7)), "directions": pick((1, 2, 3)),
            "sigma": pick(("ordinary", "small", "large")), "weights": "ordinary", "dtype": np.float64,
        }
        parameterization = PROCESSES[(first + index) % len(PROCESSES)]
        metadata = {
            "objective": objective,
            "net": net,
            "activation": pick(tuple(ACTIVATIONS)),
            "parameterization": parameterization,
            "conditioning": pick(CONDITIONINGS),
            "weighting": weighting,
            "residual": pick(("false", "true")),
        }
        if weighting == "min_snr" and pick((False, True)):
            metadata["gamma"] = "0.5"
        yield "-".join((prefix, parameterization, weighting)), metadata, options


def hidden_widths(random, options, width_in):
    """Small odd widths. Adjacent ones differ unless the case is about equal widths."""
    count, style, dim = options["hidden_layers"], options["widths"], options["dim"]
    if style == "all":
        return [width_in] * count
    widths = []
    for _ in range(count):
        previous = widths[-1] if widths else width_in
        widths.append(int(random.choice([width for width in (3, 5, 7, 9, 11) if width not in (previous, dim)])))
    if style == "neighbors" and count > 1:
        widths[1] = widths[0]
    if style == "input" and count > 0:
        widths[0] = width_in
    if style == "output" and count > 0:
        widths[-1] = dim  # equal to the output width, where no residual may be added
    return widths


def make_inputs(name, metadata, options):
    random = np.random.RandomState(zlib.crc32(name.encode()))
    dim, batch, objective = options["dim"], options["batch"], metadata["objective"]
    noise_given = objective == "dsm" or options["noise"]
    tensors = {"x": random.standard_normal((batch, dim))}

    if needs_sigma(metadata, noise_given):
        sigma = np.exp(random.uniform(math.log(0.1), math.log(3), batch))
        if options["sigma"] != "ordinary":
            sigma[random.randint(batch)] = 0.01 if options["sigma"] == "small" else 10
        tensors["sigma"] = sigma
    if noise_given:
        tensors["noise"] = random.standard_normal((batch, dim))
    if objective in ("ssm", "ssm_vr"):
        tensors["directions"] = random.standard_normal((options["directions"], batch, dim))
    if objective == "esm":
        tensors["true_score"] = random.standard_normal((batch, dim))
    columns = {"none": 0, "log_sigma": 1}.get(metadata["conditioning"])
    if columns is None:
        tensors["fourier.frequencies"] = 0.5 * random.standard_normal(random.randint(1, 4))
        columns = 2 * len(tensors["fourier.frequencies"])

    if "context" in options:
        count = options["context"]
        columns += count + (options["kind"] != "context")
        if options["kind"] == "labels":
            tensors["labels"] = random.randint(count, size=batch).astype(float)
        else:
            tensors["context"] = random.standard_normal((batch, count))
        if options["kind"] != "context":
            tensors["present"] = (np.arange(batch) % 3 > 0).astype(float)

    width_out = dim if metadata["net"] == "score" else 1
    widths = [dim + columns, *hidden_widths(random, options, dim + columns), width_out]
    for k, (width_in, width_out) in enumerate(zip(widths, widths[1:])):
        weight = random.standard_normal((width_out, width_in)) / math.sqrt(width_in)
        bias = 0.3 * random.standard_normal(width_out)
        # Only the first hidden layer gets large weights: there, they reach both tails of the activation without making
        # later values too large.
        if options["weights"] == "large" and k == 0 and len(widths) > 2:
            weight *= 10
            bias[0] += 30
            bias[-1] -= 30 if width_out > 1 else 0
        tensors[f"layers.{k}.weight"], tensors[f"layers.{k}.bias"] = weight, bias

    # Rounded to float32 in any case: see the top of the file.
    return {name: value.astype(np.float32).astype(options["dtype"]) for name, value in tensors.items()}


def facts(inputs, metadata, tensors):
    """The features that a case covers, used to check that every objective has covered all of them."""
    widths = [tensors["layers.0.weight"].shape[1]]
    widths += [tensors[f"layers.{k}.bias"].shape[0] for k in range(layer_count(tensors))]
    skips = [left == right for left, right in zip(widths[:-2], widths[1:-1])]
    arguments = []
    score(tensors, metadata, perturbed(tensors).clone().requires_grad_(), arguments)
    sigma = tensors.get("sigma", torch.ones(1))
    activation = metadata["activation"]

    yield from (f"{key} {metadata[key]}" for key in ("activation", "parameterization", "conditioning", "weighting"))
    if "edm" in (metadata["parameterization"], metadata["weighting"]):
        yield f"sigma_data {metadata.get('sigma_data')}"
    yield f"hidden layers {len(skips)}"
    yield f"dim {inputs['x'].shape[1]}"
    yield f"batch {inputs['x'].shape[0]}"
    yield f"dtype {inputs['x'].dtype}"
    yield f"noise {'noise' in inputs}"
    yield f"sigma {'sigma' in inputs}"
    if "directions" in inputs:
        yield f"directions {len(inputs['directions'])}"
    if any(skips):
        yield f"equal widths, residual {metadata['residual']}"
    if metadata["residual"] == "true":
        yield from (f"residual at {'first' if k == 0 else 'later'} layer" for k, skip in enumerate(skips) if skip)
        if skips and widths[-1] == widths[-2]:
            yield "residual, output as wide as its input"
    if sigma.min() < 0.011:
        yield "sigma 0.01"
    if sigma.max() == 10:
        yield "sigma 10"
    if any(z.max() > 20 for z in arguments):
        yield f"{activation} right tail"
    if any(z.min() < -20 for z in arguments):
        yield f"{activation} left tail"


def wanted_facts(net, objective):
    wanted = [f"activation {name}" for name in ACTIVATIONS]
    wanted += [f"{name} {side} tail" for name in ACTIVATIONS for side in ("left", "right")]
    wanted += [f"parameterization {name}" for name in PARAMETERIZATIONS + PROCESSES]
    wanted += [f"conditioning {name}" for name in CONDITIONINGS]
    wanted += [f"weighting {name}" for name in WEIGHTINGS + PROCESS_WEIGHTINGS]
    wanted += [f"sigma_data {value}" for value in (None, "0.5", "0.25", "1.25")]
    wanted += [f"hidden layers {count}" for count in range(4)]
    wanted += [f"{extent} {size}" for extent in ("dim", "batch") for size in range(1, 8)]
    wanted += ["dtype float32", "dtype float64", "noise True", "sigma True", "sigma 0.01", "sigma 10"]
    wanted += ["equal widths, residual true", "equal widths, residual false"]
    wanted += ["residual at first layer", "residual at later layer"]
    wanted += ["residual, output as wide as its input"] if net == "score" else []
    if objective != "dsm":
        wanted += ["noise False", "sigma False"]
    if objective in ("ssm", "ssm_vr"):
        wanted += [f"directions {count}" for count in (1, 2, 3)]
    return wanted


def main():
    torch.set_num_threads(1)  # one order of summation, and therefore the same bytes on every run
    CASES.mkdir(exist_ok=True)
    seen = collections.Counter()
    written = 0
    for net, objective in itertools.product(NETS, OBJECTIVES):
        for name, metadata, options in itertools.chain(
            deal(net, objective), deal_contexts(net, objective), deal_processes(net, objective)
        ):
            raw = encode(make_inputs(name, metadata, options), metadata)

            # From here on, use the case as read from the file.
            inputs, metadata = decode(raw)
            tensors = {key: torch.from_numpy(value.astype(np.float64)) for key, value in inputs.items()}
            expected = evaluate(tensors, metadata)
            finite = {key: np.isfinite(value).all() for key, value in expected.items()}
            assert finite.pop("standard_error") == (len(inputs["x"]) > 1) and all(finite.values()), name
            check_gradients(tensors, metadata, expected, np.random.RandomState(0))
            if layer_count(tensors) == 1:
                check_affine(tensors, metadata, expected)
            seen.update((net, objective, fact) for fact in facts(inputs, metadata, tensors))

            for suffix, content in ((".safetensors", raw), (".expected.safetensors", encode(expected))):
                (CASES / (name + suffix)).write_bytes(content)
                written += len(content)
            seen["cases"] += 1
        missing = [fact for fact in wanted_facts(net, objective) if not seen[net, objective, fact]]
        assert not missing, (net, objective, missing)
    print(f"{seen['cases']} cases, {written / 1e6:.2f} MB, in {CASES.name}/")


if __name__ == "__main__":
    main()
