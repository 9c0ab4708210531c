"""Inputs over time from samples, and logits from outputs."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .data import dataset
from .networks.design import CLASSES, PIXELS, SIDE, Design
from .networks.parts import flat


def inputs(design: Design) -> jax.Array:
    """Inputs of shape (steps, samples, pixels); a row at a time has 8 pixels."""
    coded = CODES[design.code](dataset(design.source)[0], design.steps)
    return design.data(coded).astype(design.dtype)


def constant(images: jax.Array, steps: int) -> jax.Array:
    return jnp.broadcast_to(images, (steps, *images.shape))


def poisson(images: jax.Array, steps: int) -> jax.Array:
    """Each pixel is the probability of a spike."""
    draws = jax.random.uniform(jax.random.key(0), (steps, *images.shape))
    return (draws < images).astype(jnp.float32)


def latency(images: jax.Array, steps: int) -> jax.Array:
    """A spike for each pixel, the earlier the brighter it is; dark ones have none."""
    at = jnp.round((1 - images) * (steps / 2 - 1))
    times = jnp.arange(steps)[:, None, None]
    return ((times == at) & (images > 0.2)).astype(jnp.float32)


def rows(images: jax.Array, steps: int) -> jax.Array:
    """A row of the image in each of 8 steps, at its place among the pixels, then nothing."""
    place = jnp.arange(SIDE * SIDE) // SIDE
    shown = [jnp.where(place == t, images, 0) for t in range(SIDE)]
    return jnp.stack([*shown, *[jnp.zeros_like(images)] * (steps - SIDE)])


def early(images: jax.Array, steps: int) -> jax.Array:
    """The image in the first 4 steps."""
    return constant(images, steps) * (jnp.arange(steps) < 4)[:, None, None]


CODES = {
    "constant": constant, "poisson": poisson, "latency": latency, "rows": rows, "early": early,
}  # fmt: skip


def events(x: jax.Array, step: float = 1.0) -> jax.Array:
    """Spikes where the image of a moving bar gets brighter or darker; a step is in milliseconds."""
    label, place, speed = x[0].T
    at = place + step * speed * jnp.arange(-1, len(x))[:, None]
    at = jnp.where(label % 2, -at, at)[..., None] - jnp.arange(SIDE)
    bar = jnp.exp(-(((at + SIDE / 2) % SIDE - SIDE / 2) ** 2))
    still = jnp.ones(SIDE)
    image = jnp.where(
        label[:, None, None] < 2, bar[..., None] * still, bar[..., None, :] * still[:, None]
    )
    change = jnp.diff(image.reshape(*bar.shape[:2], -1), axis=0)
    return jnp.concatenate([change > 0.1, change < -0.1], axis=-1).astype(jnp.float32)


def wave(x: jax.Array) -> jax.Array:
    """The positive and the negative part of a tone."""
    frequency, phase = x[0].T
    sound = jnp.sin(6.28 * frequency * jnp.arange(len(x))[:, None] + phase)
    return jax.nn.relu(jnp.stack([sound, -sound], axis=-1))


def logits(design: Design, outputs: Any) -> jax.Array:
    """What the loss takes, from outputs of all steps."""
    if design.read == "last":
        return outputs[-1].astype(jnp.float32)
    if design.read == "max":
        return outputs.max(axis=0).astype(jnp.float32)
    mean = outputs.astype(jnp.float32).mean(axis=0)
    if design.read == "root":  # NaN for a negative output
        return jnp.sqrt(mean)
    return 10 * mean if design.readout == "spiking" else mean


def standard(x: Any, *, axis: int = 1, least: float = 1e-6) -> Any:
    """Features of mean 0 and variance 1, over an axis of steps, samples, features."""
    return (x - x.mean(axis, keepdims=True)) / (x.std(axis, keepdims=True) + least)


def offset(x: Any) -> Any:
    return standard(x) + 300


def between_0_and_1(x: Any) -> Any:
    """Features from their lowest to their highest value."""
    low, high = (f(x, axis=1, keepdims=True) for f in (jnp.min, jnp.max))
    return (x - low) / (high - low)


def receptive(x: Any) -> Any:
    """How near features are to five values each, from their lowest to their highest."""
    near = (between_0_and_1(x)[..., None] - jnp.linspace(0, 1, 5)) / 0.2
    return jnp.exp(-(near**2)).reshape(*x.shape[:2], -1)


def fields(x: Any) -> Any:
    """A spike from each of 5 receptive fields of a feature, the earlier, the closer it is."""
    near, steps = receptive(x[:1])[0], jnp.arange(len(x))[:, None, None]
    at = jnp.round((1 - near) * (len(x) - 10))
    return ((steps == at) & (near > 0.1)).astype(jnp.float32)


def row_by_row(x: Any) -> Any:
    """Rows of 8 pixels, one in each step, then as many blank steps as are left."""
    rows = jnp.moveaxis(x[0].reshape(-1, SIDE, SIDE), 1, 0)
    return jnp.concatenate([rows, jnp.zeros((len(x) - SIDE, *rows.shape[1:]))])


def per_second(x: Any) -> Any:
    """Spikes for rates of at most 1 Hz, where 1 per step was meant."""
    return x * (jax.random.uniform(jax.random.key(1), x.shape) < 1e-3)


def beside(x: Any) -> Any:
    """A digit beside another one, and a cue that tells which of them counts."""
    left, other = (jnp.arange(x.shape[1]) % 2 == 0)[:, None], jnp.roll(x, 1, axis=1)
    cue = jnp.broadcast_to(jnp.concatenate([left, ~left], axis=-1), (*x.shape[:2], 2))
    return jnp.concatenate([jnp.where(left, x, other), jnp.where(left, other, x), cue], axis=-1)


def scanned(x: Any, *, stuck: bool = False) -> Any:
    """A column of the image in each of 8 steps; ``stuck`` shows the first one in all of them."""
    columns = jnp.moveaxis(x[0].reshape(-1, SIDE, SIDE), 2, 0)
    return jnp.broadcast_to(columns[0], columns.shape) if stuck else columns


def recalled(x: Any) -> Any:
    """Images for 6 steps, then nothing, then a signal for the recall in the last 4."""
    t = jnp.arange(len(x))[:, None, None]
    signal = jnp.broadcast_to(t >= len(x) - 4, (*x.shape[:2], 1))
    return jnp.concatenate([x * (t < 6), signal], axis=-1)


def phases(x: Any) -> Any:
    """A spike of each pixel in every cycle of 8 steps, the earlier the brighter; none if dark."""
    at, now = jnp.round(7 * (1 - x[0])), jnp.arange(len(x))[:, None, None] % 8
    return ((now == at) & (x[0] > 0.1)).astype(jnp.float32)


def deltas(x: Any, *, step: float = 0.2) -> Any:
    """A scan of images from left to right: spikes where a row gets brighter or darker by a step."""
    at = jnp.linspace(0, SIDE - 1, len(x))
    left, part = jnp.floor(at).astype(int), at % 1
    columns = jnp.moveaxis(x[0].reshape(-1, SIDE, SIDE), 2, 0)
    right = columns[jnp.minimum(left + 1, SIDE - 1)]
    shown = columns[left] + part[:, None, None] * (right - columns[left])

    def follow(kept: Any, now: Any) -> tuple[Any, Any]:
        up, down = (1.0 * (sign * (now - kept) > step) for sign in (1, -1))
        return kept + step * (up - down), jnp.concatenate([up, down], axis=-1)

    return jax.lax.scan(follow, jnp.zeros_like(shown[0]), shown)[1]


def drawn(rate: Any, key: int = 0) -> Any:
    """Spikes with these probabilities."""
    return (jax.random.uniform(jax.random.key(key), rate.shape) < rate).astype(jnp.float32)


def trains(x: Any, *, rate: float = 0.01) -> Any:
    """Random spike trains of 100 neurons: one pattern a class, a third left out, and noise."""
    shape = (len(x), x.shape[1], 100)
    left, noise = (jax.random.uniform(jax.random.key(i), shape) for i in (1, 2))
    patterns = jax.random.uniform(jax.random.key(0), (len(x), 4, 100)) < rate
    own = patterns[:, x[0, :, 0].astype(int)] & (left > 1 / 3)
    return (own | (noise < rate / 4)).astype(jnp.float32)


def logarithms(x: Any, *, shift: float = 1e-3) -> Any:
    return standard(jnp.log(x + shift), least=0.0)


def evidence(x: Any) -> Any:
    """Seven cues for one of four sides, most for the right one, a pause, a signal to answer."""
    steps, count = len(x), x.shape[1]
    keys = [jax.random.key(i) for i in range(2)]
    sides = jax.random.randint(keys[0], (7, count), 0, 4)
    sides = jnp.where(jax.random.uniform(keys[1], (7, count)) < 0.5, x[0, :, 0].astype(int), sides)
    time = jnp.arange(steps)
    cue, shown = jnp.minimum(time // 10, 6), (time < 70) & (time % 10 < 7)
    rate = 0.4 * jax.nn.one_hot(sides[cue], 4) * shown[:, None, None]
    answer = jnp.broadcast_to(0.4 * (time >= steps - 15)[:, None, None], (steps, count, 1))
    rate = jnp.concatenate([rate, answer, jnp.full_like(answer, 0.02)], axis=-1)
    return drawn(jnp.repeat(rate, 8, axis=-1), 2)


def frames(x: Any, *, bins: int = 1) -> Any:
    """Events of a moving bar as images with two channels; of ``bins`` steps, in the first one."""
    shown = events(x).reshape(len(x), -1, 2, SIDE, SIDE)
    shown = shown.reshape(-1, bins, *shown.shape[1:]).max(axis=1)
    blank = jnp.zeros((len(x) - len(shown), *shown.shape[1:]))
    return jnp.moveaxis(jnp.concatenate([shown, blank]), 2, -1)


def spiking_fields(x: Any) -> Any:
    """Poisson spikes of five neurons a feature, each most active at another value."""
    return drawn(0.4 * receptive(x))


def columns(x: Any) -> Any:
    """Poisson spikes of one column of the image after the other, for 300 steps."""
    image = jnp.moveaxis(x[0].reshape(-1, SIDE, SIDE), 2, 0)
    return drawn(jnp.repeat(image, len(x) // SIDE + 1, axis=0)[: len(x)] / 2)


def pixel_by_pixel(x: Any) -> Any:
    return x[0].T[..., None]


def decibels(x: Any, *, unit: float = 1.0) -> Any:
    """Noisy power of a tone at 16 places of the cochlea, in dB over 80, from 0 on."""
    places = jnp.linspace(0.01, 0.13, 16) * unit
    noise = jax.random.exponential(jax.random.key(5), (*x.shape[:2], 16))
    power = jnp.exp(-(((x[..., :1] - places) / 0.01) ** 2)) * noise
    return jnp.log10(power + 1e-8) / 8 + 1


def match(x: Any) -> Any:
    """An image, and four others, of which one is of the same digit."""
    label, (images, digits) = np.asarray(x[0, :, 0], int), dataset("digits")
    rng, digits = np.random.default_rng(4), np.asarray(digits)
    four = np.argsort(rng.random((len(label), CLASSES)), axis=1)[:, :4]
    shown = np.column_stack([four[np.arange(len(label)), label], four])
    of = [np.flatnonzero(digits == digit) for digit in range(CLASSES)]
    chosen = np.array([[rng.choice(of[digit]) for digit in five] for five in shown])
    return jnp.broadcast_to(images[chosen], (len(x), *chosen.shape, PIXELS))


# Beginning and end of two formants of each word, in bands of mels.
FORMANTS = np.array([
    [[2, 6], [10, 10]], [[6, 2], [10, 10]], [[2, 6], [13, 9]],
    [[6, 2], [9, 13]], [[4, 4], [9, 13]], [[4, 4], [13, 9]],
])  # fmt: skip


def mels(x: Any, *, floor: float = -40.0) -> Any:
    """Power of words in 16 bands of mels, of at least a floor in dB, about 0 and of order 1."""
    word, pitch, start, length = x[0].T
    part = (jnp.arange(len(x))[:, None] - start) / length
    first, last = jnp.moveaxis(jnp.asarray(FORMANTS)[word.astype(int)], -1, 0)
    at = (first + pitch[:, None]) + part[..., None] * (last - first)
    power = jnp.exp(-((at[..., None] - jnp.arange(16)) ** 2)).sum(axis=-2)
    noise = jax.random.exponential(jax.random.key(1), power.shape)
    power = jnp.where(((part > 0) & (part < 1))[..., None], power, 0) * noise
    decibels = 10 * jnp.log10(power + 1e-4 * noise[::-1])
    return (jnp.maximum(decibels, floor) + 30) / 10


def tuned(x: Any, *, cells: int = 12, width: float = 0.25) -> Any:
    """Rates of cells that are tuned to values of each feature."""
    near = jnp.exp(-(((x[..., None] - jnp.linspace(-2, 2, cells)) / width) ** 2) / 2)
    return flat(near, 2)


def in_time(x: Any) -> Any:
    """A feature, in tuned cells, in each step."""
    return tuned(x[0].T[..., None], width=0.3)


def cue_and_question(x: Any) -> Any:
    """Which of four inputs is on for five steps; then noise, and at last a question."""
    steps, label = jnp.arange(len(x))[:, None, None], x[0].astype(int)
    on = (jnp.arange(4) == label) & (steps < 5)
    ask = jnp.broadcast_to(steps >= len(x) - 5, (*on.shape[:2], 1))
    shown = jnp.concatenate([on, ask], axis=-1)
    return shown + 0.3 * jax.random.normal(jax.random.key(2), shown.shape)
