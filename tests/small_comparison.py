"""A comparison as small as can be: which of two features is on, 8 neurons, 5 steps."""

import numpy as np

rng = np.random.default_rng(0)
Y = np.arange(80) % 2
X = 0.2 * rng.standard_normal((80, 5, 2))
X[np.arange(80), :, Y] += 1

OPTIONS = {"task": (X, Y), "hidden": 8, "epochs": 2, "seeds": [0, 4], "tune": None}
BARE = OPTIONS | {"measure": False}
