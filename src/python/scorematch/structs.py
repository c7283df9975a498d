"""The C interface's structs, field by field."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_double, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any


def struct(name: str, **fields: Any) -> Any:
    """A struct of C with these fields, in this order."""
    return type(name, (ctypes.Structure,), {"_fields_": list(fields.items())})


Shape = struct("Shape", rank=c_int32, extent=c_int64 * 3)
View = struct("View", data=c_void_p, dtype=c_int32, shape=Shape, stride=c_int64 * 3)
Estimate = struct("Estimate", count=c_double, mean=c_double, m2=c_double)
Layer = struct("Layer", inputs=c_int32, outputs=c_int32, weight=c_int64, bias=c_int64)
Position = struct("Position", seed=c_uint64, step=c_int64, first_sample=c_int64)
Progress = struct("Progress", learning_rate=c_double, grad_norm=c_double, step=c_int64, skipped=c_int64)
NoiseRef = struct("NoiseRef", noise=c_void_p, sample_offset=c_int64)
Reduction = struct("Reduction", struct_size=c_size_t, normaliser=c_int64, accumulate=c_int32, loss_scale=c_double)
Report = struct("Report", struct_size=c_size_t, route=c_int32, launches=c_int32, text=ctypes.c_char * 256)
Batch = struct(
    "Batch",
    x=View,
    noise=NoiseRef,
    sigma=View,
    eps=View,
    directions=View,
    true_score=View,
    rows=View,
    draw_rows=c_int64,
    weight=View,
    context=View,
    present=View,
    labels=View,
)
LossIn = struct("LossIn", struct_size=c_size_t, params=View, batch=Batch)
LossOut = struct(
    "LossOut",
    struct_size=c_size_t,
    loss=c_void_p,
    grad=View,
    grad_x=View,
    loss_per_sample=View,
    rows=View,
    loss_per_direction=View,
    grad_context=View,
)
HeadIn = struct("HeadIn", struct_size=c_size_t, output=View, jvp=View, trace=View, batch=Batch)
HeadOut = struct(
    "HeadOut",
    struct_size=c_size_t,
    loss=c_void_p,
    grad_output=View,
    grad_jvp=View,
    grad_trace=View,
    loss_per_sample=View,
    loss_per_direction=View,
)
PerturbIn = struct("PerturbIn", struct_size=c_size_t, batch=Batch)
PerturbOut = struct("PerturbOut", struct_size=c_size_t, net_input=View, sigma=View, x_tilde=View, eps=View, rows=View)
ScoreIn = struct("ScoreIn", struct_size=c_size_t, params=View, batch=Batch)
ScoreOut = struct(
    "ScoreOut", struct_size=c_size_t, score=View, jvp=View, divergence=View, divergence_estimate=View, log_density=View
)
Measured = struct("Measured", value=c_double, standard_error=c_double)
GradientMoments = struct(
    "GradientMoments",
    struct_size=c_size_t,
    trace=Measured,
    data=Measured,
    noise=Measured,
    directions=Measured,
    squared_mean=Measured,
    signal_to_noise=Measured,
)
GradientVarianceIn = struct(
    "GradientVarianceIn",
    struct_size=c_size_t,
    params=View,
    x=View,
    seed=c_uint64,
    context=View,
    present=View,
    labels=View,
)
SamplerIn = struct("SamplerIn", struct_size=c_size_t, params=View, noise=NoiseRef, context=View, labels=View)
SamplerOut = struct("SamplerOut", struct_size=c_size_t, x=View, acceptance=c_void_p, acceptance_per_sample=View)
LikelihoodIn = struct("LikelihoodIn", struct_size=c_size_t, params=View, batch=Batch)
LikelihoodOut = struct("LikelihoodOut", struct_size=c_size_t, log_likelihood=View, latent=View, mean=c_void_p)
NetworkCall = struct(
    "NetworkCall", struct_size=c_size_t, net_input=View, sigma=View, directions=View, output=View, jvp=View
)
NetworkFunction = ctypes.CFUNCTYPE(c_int32, c_void_p, c_void_p, POINTER(NetworkCall))
OwnNetwork = struct(
    "OwnNetwork",
    struct_size=c_size_t,
    dim=c_int32,
    dtype=c_int32,
    text=ctypes.c_char_p,
    evaluate=NetworkFunction,
    user=c_void_p,
)
Part = ctypes.CFUNCTYPE(None, c_void_p, c_int32)
RunParts = ctypes.CFUNCTYPE(c_int32, c_void_p, c_int32, Part, c_void_p)
Release = ctypes.CFUNCTYPE(None, c_void_p)
CpuExecutor = struct(
    "CpuExecutor", struct_size=c_size_t, threads=c_int32, run=RunParts, user=c_void_p, release=Release
)
ScoreFunction = ctypes.CFUNCTYPE(c_int32, c_void_p, c_void_p, POINTER(View), POINTER(View), POINTER(View))
ScoreDivergenceFunction = ctypes.CFUNCTYPE(
    c_int32, c_void_p, c_void_p, POINTER(View), POINTER(View), POINTER(View), POINTER(View)
)
