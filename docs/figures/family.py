"""The gradient and the original function of the family, from fat to thin tails."""

import jax.numpy as jnp
import matplotlib.pyplot as plt

from braintools_qps import QPseudoSpike

x = jnp.linspace(-4, 4, 401)
alphas = [0.5, 1.0, 2.0, 4.0, float("inf")]
shades = plt.cm.viridis(jnp.linspace(0, 0.85, len(alphas)))

figure, (left, right) = plt.subplots(1, 2)
left.set(title="Gradient $g'(x)$", xlabel="$x$", ylim=(0, 1.05))
right.set(title="Original function $g_{\\mathrm{origin}}(x)$", xlabel="$x$", ylim=(-1.5, 2.5))
right.axhspan(0, 1, color="0.5", alpha=0.15, zorder=0)
for alpha, shade in zip(alphas, shades):
    surrogate = QPseudoSpike(alpha=alpha)
    label = "$\\alpha = \\infty$" if alpha == float("inf") else f"$\\alpha = {alpha:g}$"
    left.plot(x, surrogate.surrogate_grad(x), color=shade, label=label)
    right.plot(x, surrogate.surrogate_fun(x), color=shade)
right.step(x, x >= 0, color="0.5", linewidth=0.8, linestyle=":", label="spike")
left.legend(fontsize="small", loc="upper left")
right.legend(fontsize="small", loc="upper left")
