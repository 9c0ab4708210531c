"""``python -m benchmarks.residual_accuracy``: the error of slopes stored in 8 and 16 bits.

The first table compares codes: the error of the gradient of the weights of a linear LIF layer, and
the largest relative error of the derivative for |x| <= 10. The second trains on digits with the
codes that the package uses: test accuracy over five seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from braintools_qps import QPseudoSpike, compare
from braintools_qps._surrogate import residuals

from .residuals import linear_lif

STEPS, BATCH, INPUTS, NEURONS = 200, 64, 100, 256
WIDTHS = (1.0, 0.1)  # of the surrogate: x up to about 1 and about 10
ALPHAS = (1.0, 2.0, 4.0)
LOG_STEP = 0.0433  # 254 steps of 2 ** (-1/16)


class Code(NamedTuple):
    """A way to store a number between 0 and 1."""

    encode: Callable[[jax.Array], jax.Array]
    decode: Callable[[jax.Array], jax.Array]


def rounded_to(dtype: str) -> Code:
    return Code(lambda g: g.astype(dtype), lambda code: code.astype(jnp.float32))


def in_bytes(forward: Callable, back: Callable) -> Code:
    return Code(
        lambda g: jnp.round(254 * forward(g)).astype(jnp.uint8),
        lambda code: back(code.astype(jnp.float32) / 254),
    )


CODES = {
    "linear": in_bytes(lambda g: g, lambda part: part),
    "square root": in_bytes(jnp.sqrt, jnp.square),
    "logarithm": in_bytes(
        lambda g: jnp.minimum(-jnp.log(g) / LOG_STEP / 254, 1),
        lambda part: jnp.exp(-254 * LOG_STEP * part),
    ),
    "uint8 as chosen": Code(
        residuals.UNSIGNED.encode,
        lambda code: residuals.UNSIGNED.decode(code, jnp.dtype("float32")),
    ),
    "bfloat16": rounded_to("bfloat16"),
    "float16": rounded_to("float16"),
}


def gradient_error(code: Code, alpha: float, width: float) -> float:
    """Norm of the error of the weights' gradient, relative to that of the float32 gradient."""
    surrogate = QPseudoSpike(alpha, scale=width)
    exact, stored = (weights_gradient(surrogate, code) for code in (None, code))
    return float(jnp.linalg.norm(stored - exact) / jnp.linalg.norm(exact))


def weights_gradient(surrogate: QPseudoSpike, code: Code | None) -> jax.Array:
    rng = np.random.default_rng(0)
    inputs = jnp.asarray(rng.random((STEPS, BATCH, INPUTS)) < 0.05, jnp.float32)
    weights = jnp.asarray(0.3 * rng.normal(size=(INPUTS, NEURONS)), jnp.float32)
    readout = jnp.asarray(rng.normal(size=(BATCH, NEURONS)), jnp.float32)
    spike = _stored(surrogate, code) if code else surrogate
    silence = jnp.zeros((BATCH, NEURONS))
    loss = lambda weights: jnp.sum(linear_lif(spike, silence, inputs @ weights) * readout)
    return jax.jit(jax.grad(loss))(weights)


def _stored(surrogate: QPseudoSpike, code: Code) -> Callable:
    """The surrogate, whose gradient over its peak is stored in a code for the backward pass."""
    peak = 1 / surrogate.scale
    spike = jax.custom_vjp(surrogate)
    spike.defvjp(
        lambda x: (surrogate(x), code.encode(surrogate.surrogate_grad(x) / peak)),
        lambda stored, ct: (code.decode(stored) * peak * ct,),
    )
    return spike


def tail_error(code: Code, alpha: float) -> float:
    """The largest relative error for |x| <= 10."""
    exact = QPseudoSpike(alpha).surrogate_grad(jnp.linspace(-10.0, 10.0, 200_001))
    return float(jnp.max(jnp.abs(code.decode(code.encode(exact)) / exact - 1)))


def print_codes() -> None:
    columns = [f"alpha {alpha:g}" for alpha in ALPHAS]
    measures = [*(f"gradient, width {width:g}" for width in WIDTHS), "tail"]
    print("Errors in percent\n")
    print("| code |", " | ".join(f"{m}, {c}" for m in measures for c in columns), "|")
    print("| --- |", " | ".join(["---"] * len(measures) * len(columns)), "|")
    for name, code in CODES.items():
        errors = [gradient_error(code, alpha, width) for width in WIDTHS for alpha in ALPHAS]
        errors += [tail_error(code, alpha) for alpha in ALPHAS]
        print(f"| {name} |", " | ".join(f"{100 * error:.3g}" for error in errors), "|")


def print_training() -> None:
    candidates = [QPseudoSpike(4.0, residual_dtype=d) for d in (None, "bfloat16", "uint8")]
    print("\nDigits row by row, five seeds\n")
    print(compare(candidates, seeds=5))


if __name__ == "__main__":
    print_codes()
    print_training()
