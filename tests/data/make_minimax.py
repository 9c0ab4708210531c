"""Prints the coefficients of _surrogate/float32_math.py (Remez exchange, mpmath)."""

import mpmath as mp
import numpy as np

mp.mp.dps = 40


def log2_tail(f):
    """(log2(1 + f) / f - log2(e)) / f"""
    return (mp.log1p(f) / f - 1) / f / mp.log(2) if f else -1 / (2 * mp.log(2))


def exp2_tail(r):
    """(2^r - 1) / r"""
    return mp.expm1(r * mp.log(2)) / r if r else mp.log(2)


def minimax(function, low, high, degree, rounds=20):
    """Coefficients, lowest order first, and the largest error on [low, high]."""
    count = degree + 2
    grid = [low + (high - low) * mp.mpf(i) / 4000 for i in range(4001)]
    values = [function(x) for x in grid]
    nodes = [round(2000 - 2000 * float(mp.cos(mp.pi * i / (count - 1)))) for i in range(count)]
    for _ in range(rounds):
        rows = [
            [grid[k] ** j for j in range(degree + 1)] + [(-1) ** i] for i, k in enumerate(nodes)
        ]
        solution = mp.lu_solve(mp.matrix(rows), mp.matrix([values[k] for k in nodes]))
        coefficients = [solution[j] for j in range(degree + 1)]
        error = np.array(
            [float(mp.polyval(coefficients[::-1], x) - v) for x, v in zip(grid, values)]
        )
        exchanged = _alternating_extrema(error, count)
        if exchanged == nodes:
            break
        nodes = exchanged
    return [float(c) for c in coefficients], float(np.abs(error).max())


def _alternating_extrema(error, count):
    """The largest error within each run of one sign; ends are dropped down to ``count``."""
    runs = np.split(np.arange(error.size), np.flatnonzero(np.diff(np.sign(error))) + 1)
    extrema = [int(run[np.abs(error[run]).argmax()]) for run in runs]
    while len(extrema) > count:
        extrema.pop(0 if abs(error[extrema[0]]) < abs(error[extrema[-1]]) else -1)
    return extrema


if __name__ == "__main__":
    print("LOG2", *minimax(log2_tail, mp.sqrt(0.5) - 1, mp.sqrt(2) - 1, degree=7))
    print("EXP2", *minimax(exp2_tail, -mp.mpf(1) / 2, mp.mpf(1) / 2, degree=4))
