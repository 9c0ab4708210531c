"""Writes reference.npz: the q-PseudoSpike family at 50 digits, rounded once to float64.

Derivatives by alpha are numerical ones of mpmath, so that no formula of the package is repeated.
Run it with ``python tests/data/make_reference.py``.
"""

from pathlib import Path

import ml_dtypes
import mpmath as mp
import numpy as np

mp.mp.dps = 50

ALPHAS = (
    "0.01 0.1 0.5 0.9 0.999 0.99999 1 1.00001 1.001 1.5 1.7 2 2.5 3 4 5.5 7.5 8 16 32 inf".split()
)


def gradient(x, alpha):
    if mp.isinf(alpha):
        return mp.exp(-2 * x)
    return (1 + 2 * x / (alpha + 1)) ** (-alpha)


def integral(x, alpha):
    if mp.isinf(alpha):
        return (1 - mp.exp(-2 * x)) / 2
    base = 1 + 2 * x / (alpha + 1)
    if alpha == 1:
        return (alpha + 1) / 2 * mp.log(base)
    return (alpha + 1) / (2 * (1 - alpha)) * (base ** (1 - alpha) - 1)


def by_alpha(function, x, alpha):
    if mp.isinf(alpha):
        return mp.mpf(0)
    return mp.diff(lambda a: function(x, a), alpha, h=mp.mpf("1e-15") * alpha)


def distances():
    """|x| from 1e-6 to 1e4, exact in float32; the second half exact in bfloat16 as well."""
    rng = np.random.default_rng(0)
    exponents = np.concatenate([rng.uniform(-6, 4, 150), np.linspace(-6, 4, 91)])
    fine = (10**exponents).astype(np.float32)
    coarse = (10 ** np.linspace(-5.9, 3.9, 90)).astype(ml_dtypes.bfloat16).astype(np.float32)
    return fine, coarse


def table(function, xs, alphas):
    return np.array([[float(function(mp.mpf(float(x)), a)) for x in xs] for a in alphas])


def main():
    fine, coarse = distances()
    xs = np.concatenate([fine, coarse])
    alphas = [mp.mpf(a) for a in ALPHAS]
    np.savez_compressed(
        Path(__file__).with_name("reference.npz"),
        alpha=np.array([float(a) for a in ALPHAS]),
        x=xs,
        is_bfloat16=np.arange(xs.size) >= fine.size,
        gradient=table(gradient, xs, alphas),
        integral=table(integral, xs, alphas),
        gradient_by_alpha=table(lambda x, a: by_alpha(gradient, x, a), xs, alphas),
        integral_by_alpha=table(lambda x, a: by_alpha(integral, x, a), xs, alphas),
    )


if __name__ == "__main__":
    main()
