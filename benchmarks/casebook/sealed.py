"""Networks of the sealed half of the casebook, and their inputs; tables/sealed.toml tells them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import brainpy
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
from brainstate.nn import Module
from braintools.init import Constant

from .networks import CLASSES, PIXELS, SIDE, Design
from .parts import (
    Beta,
    Current,
    FirstSpike,
    Hard,
    Millivolt,
    Parametric,
    Ternary,
    Wired,
    convolution,
    cortical,
    flat,
    image,
    linear,
    spiking,
    through,
    zeros,
)


def standard(x: Any) -> Any:
    """Features of mean 0 and variance 1."""
    return (x - x.mean(axis=1, keepdims=True)) / (x.std(axis=1, keepdims=True) + 1e-6)


def offset(x: Any) -> Any:
    return standard(x) + 300


def undivided(x: Any) -> Any:
    """As `standard`, but 0 / 0 for a feature that is the same in all samples."""
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)


def fields(x: Any) -> Any:
    """A spike from each of 5 receptive fields of a feature, the earlier, the closer it is."""
    steps, (low, high) = len(x), (f(x[0], axis=0) for f in (jnp.min, jnp.max))
    part = (x[0] - low) / (high - low)
    near = jnp.exp(-(((part[..., None] - jnp.linspace(0, 1, 5)) / 0.2) ** 2))
    near = near.reshape(len(near), -1)
    at = jnp.round((1 - near) * (steps - 10))
    return ((jnp.arange(steps)[:, None, None] == at) & (near > 0.1)).astype(jnp.float32)


def row_by_row(x: Any) -> Any:
    """Rows of 8 pixels, one in each step, then as many blank steps as are left."""
    rows = jnp.moveaxis(x[0].reshape(-1, SIDE, SIDE), 1, 0)
    return jnp.concatenate([rows, jnp.zeros((len(x) - SIDE, *rows.shape[1:]))])


def per_second(x: Any) -> Any:
    """Spikes for rates of at most 1 Hz, where 1 per step was meant."""
    return x * (jax.random.uniform(jax.random.key(1), x.shape) < 1e-3)


def shuffled(labels: Any) -> Any:
    return jax.random.permutation(jax.random.key(0), labels)


def bell(x: Any) -> Any:
    """The derivative of a Gaussian, where the Gaussian was meant."""
    return -4 * x * jnp.exp(-2 * x**2)


# Layers in a row. Steps are functions of the module, so that networks of several seeds are alike
# and are trained together.


def stack(d: Design, *, scale: float = 6.0, reset: str = "hard") -> Module:
    """Linear layers and LIF neurons of brainpy.state, in a row."""
    layers, inputs = [], PIXELS
    options = {"tau": d.tau * u.ms, "V_th": 1 * u.mV, "spk_reset": reset}
    for _ in range(d.layers):
        layers += [linear(inputs, d.width, scale, u.mA), spiking("LIF", d.width, d, **options)]
        inputs = d.width
    return brainstate.nn.Sequential(*layers, linear(inputs, CLASSES))


def read_membranes(net: Any, x: Any) -> Any:
    net.lif2(net.fc2(net.lif1(net.fc1(x))))
    return net.lif2.mem.value


def membranes(d: Design, *, beta: float = 0.9) -> Module:
    """Two layers of snnTorch's Leaky; the membranes of the second are the output."""
    parts = {"fc1": linear(PIXELS, d.width), "fc2": linear(d.width, CLASSES)}
    lif1, lif2 = (Beta(n, d.surrogate, beta) for n in (d.width, CLASSES))
    return Wired(read_membranes, **parts, lif1=lif1, lif2=lif2)


def bias_current(x: Any) -> Any:
    return x + 6 * u.mA


def tabular(d: Design) -> Module:
    """Currents from features into neurons that rest at -65 mV."""
    fc1, neurons = linear(30, d.width, 50.0, u.mA), cortical("LIF", d.width, d, tau=d.tau * u.ms)
    return through(fc1=fc1, current=bias_current, neurons=neurons, fc2=linear(d.width, 2))


def alphas(d: Design) -> Module:
    """Alpha synapses from spikes of receptive fields, and LIF neurons."""
    fc1, none = linear(65, d.width, 30.0, u.mA), Constant(0.0 * u.mA)
    syn = brainpy.state.Alpha(d.width, tau=3 * u.ms, g_initializer=none)
    lif = spiking("LIF", d.width, d, tau=d.tau * u.ms)
    return through(fc1=fc1, syn=syn, lif=lif, fc2=linear(d.width, 3))


def read_traces(net: Any, x: Any) -> Any:
    trace = 0.9 * net.trace.value + net.lif2(net.fc2(net.lif1(net.fc1(x))))
    if net.writes:
        net.trace.value = trace
    return net.out(trace if net.writes else net.trace.value)


def traces(d: Design, *, kept: bool = True) -> Module:
    """A readout of exponential traces of spikes; without ``kept``, they stay as they begin."""
    n = d.width
    parts = {"fc1": linear(PIXELS, n, 5.0), "fc2": linear(n, n, 4.0), "out": linear(n, CLASSES)}
    lif1, lif2 = (Beta(n, d.surrogate, 0.95) for _ in range(2))
    return Wired(read_traces, (("trace", n),), **parts, lif1=lif1, lif2=lif2, writes=kept)


def drop(net: Any, x: Any) -> Any:
    x = net.drop(net.lif1(net.fc1(x)))
    return net.fc3(net.drop(net.lif2(net.fc2(x))))


def dropped(d: Design) -> Module:
    """Dropout of inputs and of spikes."""
    n, (lif1, lif2) = d.width, (Beta(d.width, d.surrogate, 0.85) for _ in range(2))
    parts = {"fc1": linear(PIXELS, n), "fc2": linear(n, n, 2.0), "fc3": linear(n, CLASSES)}
    return Wired(drop, **parts, drop=brainstate.nn.Dropout(d.keep), lif1=lif1, lif2=lif2)


def norm_first(net: Any, x: Any) -> Any:
    for fc, norm, lif in zip(net.fcs, net.norms, net.lifs):
        x = lif(norm(fc(x)))
    return net.out(x)


def normed(d: Design, *, shift: float = 0.0) -> Module:
    """Layer norm in front of each layer of neurons."""
    n, bias = d.width, Constant(shift)
    fcs = [linear(n if i else PIXELS, n) for i in range(d.layers)]
    norms = [brainstate.nn.LayerNorm((n,), bias_init=bias) for _ in fcs]
    lifs = [Beta(n, d.surrogate, 0.7) for _ in fcs]
    return Wired(norm_first, fcs=fcs, norms=norms, lifs=lifs, out=linear(n, CLASSES))


def voltages(d: Design) -> Module:
    """Neurons in millivolts, written by hand."""
    n, (cells1, cells2) = d.width, (Millivolt(d.width, d.surrogate) for _ in range(2))
    fc1, fc2 = linear(PIXELS, n, 160.0, u.mV), linear(n, n, 600.0, u.mV)
    return through(fc1=fc1, cells1=cells1, fc2=fc2, cells2=cells2, out=linear(n, CLASSES))


def cortex(d: Design) -> Module:
    """Two layers of neurons that rest at -65 mV and adapt."""
    n, slow = d.width, {"tau": 8 * u.ms, "tau_a": 60 * u.ms, "beta": 1 * u.mV}
    fc1, fc2 = linear(PIXELS, n, 80.0, u.mA), linear(n, n, 250.0, u.mA)
    l4, l23 = (cortical("ALIF", n, d, **slow) for _ in range(2))
    return through(fc1=fc1, l4=l4, fc2=fc2, l23=l23, out=linear(n, CLASSES))


def keep_type(net: Any, x: Any) -> Any:
    for fc, norm, cells in zip(net.fcs, net.norms, net.cells):
        x = cells(2 * norm(fc(x))).astype(net.dtype)
    return net.out(x.astype(jnp.float32))


def learnt(d: Design, *, dtype: str = "float32") -> Module:
    """Batch norm and neurons that learn their time constants; spikes may be kept as integers."""
    n = d.width
    fcs = [linear(n if i else PIXELS, n) for i in range(d.layers)]
    norms = [brainstate.nn.BatchNorm0d((n,)) for _ in fcs]
    cells = [Parametric(n, d.surrogate) for _ in fcs]
    return Wired(keep_type, fcs=fcs, norms=norms, cells=cells, out=linear(n, CLASSES), dtype=dtype)


def add_up(net: Any, x: Any) -> Any:
    net.sum.value = net.sum.value + net.fc2(net.cells(net.fc1(x)))
    return net.sum.value


def once(d: Design) -> Module:
    """Neurons that fire once; the earlier, the longer is their spike summed."""
    parts = {"fc1": linear(PIXELS, d.width, 3.0), "fc2": linear(d.width, CLASSES)}
    return Wired(add_up, (("sum", CLASSES),), **parts, cells=FirstSpike(d.width, d.surrogate))


def pass_on(net: Any, x: Any) -> Any:
    current = net.into(x)
    for fc, cells in zip(net.fcs, net.cells):
        current = current + fc(cells(current))
    return net.out(current)


def shortcuts(d: Design) -> Module:
    """Ternary neurons, whose inputs are passed on past each layer."""
    n, parts = d.width, {"into": linear(PIXELS, d.width, 0.8), "out": linear(d.width, CLASSES)}
    fcs = [linear(n, n, 0.7) for _ in range(d.layers)]
    return Wired(pass_on, **parts, fcs=fcs, cells=[Ternary(n, d.surrogate, 0.8) for _ in fcs])


# Images: convolutions, halves, rows, attention.


def join_spikes(net: Any, x: Any) -> Any:
    x = net.lif(net.conv(image(x)))
    for block in net.blocks:
        x = x + block(x) if net.join == "add" else x * block(x)
    return net.head(flat(net.pool(x)))


def sew(d: Design, *, join: str = "add", scale: float = 3.0) -> Module:
    """A convolution, then residual blocks that join spikes with those that they came from."""
    shape, pool = (SIDE, SIDE, d.width), brainstate.nn.AvgPool2d(4, 4)
    conv, cells = (lambda of: convolution(of, d.width, scale)), lambda: Beta(shape, d.surrogate)
    parts = {"conv": conv((SIDE, SIDE, 1)), "lif": cells(), "join": join, "pool": pool}
    block = lambda: through(conv1=conv(shape), lif1=cells(), conv2=conv(shape), lif2=cells())
    blocks = [block() for _ in range(d.layers)]
    return Wired(join_spikes, **parts, blocks=blocks, head=linear(4 * d.width, CLASSES))


def vote(net: Any, x: Any) -> Any:
    x = net.pool(net.lif(2 * net.norm(net.conv(image(x))) * u.mA))
    votes = net.voters(net.vote(flat(x)) * u.mA)
    return votes.reshape(*votes.shape[:-1], CLASSES, 10).mean(axis=-1)


def voting(d: Design, *, last: float = 3.0) -> Module:
    """A convolution with batch norm and pooling, and ten neurons that vote for each class."""
    shape, many = (SIDE, SIDE, d.width), 10 * CLASSES
    cells = lambda size: spiking("LIF", size, d, tau=2 * u.ms, V_th=1 * u.mV)
    parts = {"conv": convolution((SIDE, SIDE, 1), d.width), "lif": cells(shape)}
    parts |= {"norm": brainstate.nn.BatchNorm2d(shape), "pool": brainstate.nn.MaxPool2d(2, 2)}
    return Wired(vote, **parts, vote=linear(16 * d.width, many, last), voters=cells(many))


def images(d: Design, *, hard: bool = False) -> Module:
    """Three layers for images of 14 by 14 pixels, of which the second may lack a surrogate."""
    n, lif1 = d.width, Beta(d.width, d.surrogate, 0.8)
    lif2 = Hard(n, 0.8) if hard else Beta(n, d.surrogate, 0.8)
    fc1, fc2, fc3 = linear(196, n, 2.0), linear(n, n, 2.0), linear(n, CLASSES)
    return through(fc1=fc1, lif1=lif1, fc2=fc2, lif2=lif2, fc3=fc3)


def see_halves(net: Any, x: Any) -> Any:
    whole = x.reshape(*x.shape[:-1], SIDE, SIDE)
    a, b = net.left(flat(whole[..., :4], 2)), net.right(flat(whole[..., 4:], 2))
    a, b = net.fast(a), net.slow(b)
    both = jnp.concatenate([a, b if net.used else a], axis=-1)
    return net.out(net.lif(net.join(both)))


def halves(d: Design, *, used: bool = True) -> Module:
    """The halves of an image, each with neurons of its own speed, and neurons that see both."""
    n, cells = d.width, lambda beta: Beta(d.width, d.surrogate, beta)
    parts = {"left": linear(32, n, 1.5), "right": linear(32, n, 1.5), "fast": cells(0.5)}
    parts |= {"slow": cells(0.95), "join": linear(2 * n, n, 2.0), "lif": cells(0.9), "used": used}
    return Wired(see_halves, **parts, out=linear(n, CLASSES))


def columns(x: Any) -> Any:
    return jnp.swapaxes(x.reshape(*x.shape[:-1], SIDE, SIDE), -1, -2)


def rows(d: Design) -> Module:
    """A convolution along the columns of the image, of which rows are the channels."""
    conv, neurons = convolution((SIDE, SIDE), 16, 1.5), Beta((SIDE, 16), d.surrogate, 0.6)
    fc, lif = linear(16 * SIDE, d.width, 1.0), Current(d.width, d.surrogate, 0.8)
    parts = {"columns": columns, "conv": conv, "neurons": neurons, "flat": flat_rows, "fc": fc}
    return through(**parts, lif=lif, out=linear(d.width, CLASSES))


def flat_rows(x: Any) -> Any:
    return flat(x, 2)


def pooled(d: Design, *, pool: int = 2) -> Module:
    """Two convolutions with a pool between them."""
    c, side = d.width, SIDE // pool
    parts = {"image": image, "conv1": convolution((SIDE, SIDE, 1), c, 2.0)}
    parts |= {
        "if1": Beta((SIDE, SIDE, c), d.surrogate),
        "pool": brainstate.nn.AvgPool2d(pool, pool),
    }
    parts |= {"conv2": convolution((side, side, c), 2 * c, 4.0)}
    parts |= {"if2": Beta((side, side, 2 * c), d.surrogate), "flat": flat}
    return through(**parts, fc=linear(side * side * 2 * c, CLASSES))


def remember_rows(net: Any, x: Any) -> Any:
    net.memory(net.fc2(net.cells(net.fc1(x))))
    return net.out(net.memory.mem.value)


def sequence(d: Design, *, memory: float = 1.0) -> Module:
    """Two layers that read an image row by row, and a readout of the membranes."""
    n, betas = d.width, memory * jnp.linspace(0.5, 0.98, d.width)
    parts = {"fc1": linear(SIDE, n, 2.0), "fc2": linear(n, n, 2.0), "out": linear(n, CLASSES)}
    cells, memories = (Beta(n, d.surrogate, betas) for _ in range(2))
    return Wired(remember_rows, **parts, cells=cells, memory=memories)


def attend(net: Any, x: Any) -> Any:
    x = net.cells(net.embed(x.reshape(*x.shape[:-1], SIDE, SIDE)) + net.place.value)
    q, k, v = net.qs(net.q(x)), net.ks(net.k(x)), net.vs(net.v(x))
    seen = 0.1 * (q @ jnp.swapaxes(k, -1, -2)) @ v
    return net.out(flat(x + net.os(net.o(seen)), 2))


def attention(d: Design) -> Module:
    """Attention between the rows of an image, of which queries, keys and values are spikes."""
    n, cells = d.width, ("cells", "qs", "ks", "vs", "os")
    parts = {"embed": linear(SIDE, n, 2.0)}
    place = brainstate.ParamState(0.3 * brainstate.random.normal(size=(SIDE, n)))
    parts |= {name: linear(n, n, 2.0) for name in "qkvo"}
    parts |= {name: Beta((SIDE, n), d.surrogate, 0.75) for name in cells}
    return Wired(attend, **parts, place=place, out=linear(SIDE * n, CLASSES))


# Recurrent networks: assemblies, loops, reservoirs.


def project(net: Any, x: Any) -> Any:
    net.back(net.pop.get_spike())
    net.feed(x)
    net.pop()
    return net.out(net.pop.get_spike())


def projections(d: Design, *, scale: float = 1.0) -> Module:
    """Recurrent neurons behind exponential synapses, and a leaky readout."""
    n, none = d.width, Constant(0.0 * u.mA)
    pop = spiking("LIF", n, d, tau=d.tau * u.ms, V_th=1 * u.mV, spk_reset="soft")
    onto = lambda inputs, weights: brainpy.state.AlignPostProj(
        comm=linear(inputs, n, weights, u.mA),
        syn=brainpy.state.Expon.desc(n, tau=5 * u.ms, g_initializer=none),
        out=brainpy.state.CUBA.desc(scale=scale),
        post=pop,
    )
    feed, back = onto(PIXELS, 2.0), onto(n, 0.5)
    out = brainpy.state.LeakyRateReadout(n, CLASSES, tau=10 * u.ms)
    return Wired(project, pop=pop, feed=feed, back=back, out=out)


def excite_and_inhibit(net: Any, x: Any) -> Any:
    e, i, weight = net.e.value, net.i.value, lambda p: jnp.abs(p.value)
    loop = e @ weight(net.ee) - 4 * (i @ weight(net.ie))
    net.e.value = net.exc((4 * net.into(x) + 3 * loop) * u.mA)
    net.i.value = net.inh(3 * (e @ weight(net.ei)) * u.mA)
    return net.out(net.e.value)


def dale(d: Design) -> Module:
    """Excitatory and inhibitory neurons, all connected; weights keep their sign."""
    e, i, normal = d.width, d.width // 4, brainstate.random.normal
    param = lambda a, b: brainstate.ParamState(abs(normal(size=(a, b))) / a**0.5)
    cells = lambda n: spiking("LIFRef", n, d, tau=10 * u.ms, tau_ref=2 * u.ms, V_th=1 * u.mV)
    parts = {"into": linear(PIXELS, e, 3.0), "ee": param(e, e), "ei": param(e, i)}
    parts |= {"ie": param(i, e), "exc": cells(e), "inh": cells(i), "out": linear(e, CLASSES)}
    return Wired(excite_and_inhibit, (("e", e), ("i", i)), **parts)


def side_by_side(net: Any, x: Any) -> Any:
    left, right = jnp.split(net.into(x) + net.back(net.z.value), 2, axis=-1)
    spikes = [net.regular(left * u.mA), net.adaptive(right * u.mA)]
    net.z.value = jnp.concatenate(spikes, axis=-1)
    return net.out(net.z.value)


def lsnn(d: Design) -> Module:
    """Adaptive and other recurrent neurons, side by side."""
    n, shared = d.width, {"tau": d.tau * u.ms, "V_th": 1 * u.mV}
    parts = {"regular": spiking("LIF", n, d, **shared)}
    slow = {"tau_a": 150 * u.ms, "beta": 0.2 * u.mV}
    parts |= {"adaptive": spiking("ALIF", n, d, **slow, **shared)}
    parts |= {"into": linear(PIXELS, 2 * n, 6.0), "back": linear(2 * n, 2 * n, 2.0)}
    return Wired(side_by_side, (("z", 2 * n),), **parts, out=linear(2 * n, CLASSES))


def hear_itself(net: Any, x: Any) -> Any:
    net.spikes.value = net.cells(0.3 * (net.fc(x) + net.back(net.spikes.value)))
    net.seen.value = 0.95 * net.seen.value + net.out(net.spikes.value)
    return net.seen.value


def loop(d: Design) -> Module:
    """Recurrent neurons behind synapses, and a readout that leaks."""
    n, kept = d.width, (("spikes", d.width), ("seen", CLASSES))
    parts = {"fc": linear(PIXELS, n), "back": linear(n, n), "out": linear(n, CLASSES)}
    return Wired(hear_itself, kept, **parts, cells=Current(n, d.surrogate, 0.9))


class Chain(Module):
    """Layers that see the spikes of the step before, so that each takes a step, or more."""

    def __init__(self, d: Design, *, fault: bool = False):
        super().__init__()
        sizes = [PIXELS] + [d.width] * d.layers
        self.fcs = [linear(a, b, 1.5) for a, b in pairwise(sizes)]
        self.lifs = [Current(d.width, d.surrogate, 0.8, fault=fault) for _ in self.fcs]
        self.out, self.width = linear(d.width, CLASSES), d.width

    def init_state(self, batch_size: int | None = None) -> None:
        self.spikes = [zeros(self.width, batch_size) for _ in self.lifs]

    def update(self, x: Any) -> Any:
        before = [x, *(s.value for s in self.spikes)]
        for fc, lif, spikes, seen in zip(self.fcs, self.lifs, self.spikes, before):
            spikes.value = lif(fc(seen))
        return self.out(before[-1])


def slosh(net: Any, x: Any) -> Any:
    net.s.value = net.liquid(net.into(x) + net.s.value @ net.inner.value * u.mA)
    return net.out(net.s.value)


def reservoir(d: Design) -> Module:
    """Recurrent weights that are not trained; inputs and readout are."""
    n = d.width
    inner = brainstate.LongTermState(0.8 * (brainstate.random.normal(size=(n, n)) / n**0.5))
    parts = {"into": linear(PIXELS, n, 5.0, u.mA), "out": linear(n, CLASSES), "inner": inner}
    times = {"tau": d.tau * u.ms, "tau_ref": 2 * u.ms}
    liquid = spiking("LIFRef", n, d, **times, V_th=1 * u.mV)
    return Wired(slosh, (("s", n),), **parts, liquid=liquid)
