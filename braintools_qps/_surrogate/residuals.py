"""Products whose first factor is stored in few bits for the backward pass.

`compressed_product` stores a code in place of an array. `compact_product` uses it to store a
surrogate gradient in 8 or 16 bits; `braintools_qps._memory` uses it to store spikes in one bit.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from .kernels import Curve

# The 8-bit code: add 1/240 to the float32, keep the top 8 bits of the result (5 of its mantissa).
# Of the codes measured, only this one is accurate both for the gradient of weights and in the tail,
# and it needs no transcendental function and no division. Columns: relative error of the weights'
# gradient in a linear LIF scan with x up to about 10, then the largest relative error for
# |x| <= 10, each at alpha 1, 2 and 4.
#     linear        0.09 0.36 0.51%       2   11  100%
#     square root   0.06 0.08 0.10%       1    3   10%
#     logarithm     0.16 0.25 0.36%       2    2    2%
#     this one      0.09 0.13 0.17%       2    2    4%
# With 1/240, a gradient of 0 is code 0 and a gradient of 1 is exactly code 254.
OFFSET = np.float32(1 / 240)
OFFSET_BITS = OFFSET.view(np.uint32)
SIGN_BIT = np.uint8(128)
# Signed codes reach about twice the peak, because the search may miss the highest peak. The peak
# that it found is stored exactly, as the 16th code from the end.
ROOM = 1 / (0.5 - 1 / 480)


class Layout(NamedTuple):
    """How a float32 becomes 8 bits.

    NaN takes a free code: 255 without a sign, where 1 is code 254; 128 with a sign, where it would
    mean a negative 0.
    """

    signed: bool
    dropped_bits: int
    nan_code: int

    def encode(self, gradient: Array) -> Array:
        """Codes of magnitudes up to 1. Signed codes clip larger magnitudes to 1."""
        magnitude = jnp.abs(gradient).astype(jnp.float32)
        if self.signed:
            magnitude = jnp.minimum(magnitude, 1)
        bits = lax.bitcast_convert_type(magnitude + OFFSET, jnp.uint32)
        rounded = bits - OFFSET_BITS + np.uint32(1 << (self.dropped_bits - 1))
        code = rounded >> self.dropped_bits
        if self.signed:
            code |= jnp.where((gradient < 0) & (code > 0), np.uint32(SIGN_BIT), np.uint32(0))
        return jnp.where(jnp.isnan(gradient), self.nan_code, code).astype(jnp.uint8)

    def decode(self, code: Array, dtype: jnp.dtype) -> Array:
        """The middle of the interval that each code stands for."""
        magnitude = code & ~SIGN_BIT if self.signed else code
        bits = (magnitude.astype(jnp.uint32) << self.dropped_bits) + OFFSET_BITS
        gradient = lax.bitcast_convert_type(bits, jnp.float32) - OFFSET
        if self.signed:
            gradient = jnp.where(code >= SIGN_BIT, -gradient, gradient)
        return jnp.where(code == self.nan_code, jnp.nan, gradient).astype(dtype)


UNSIGNED = Layout(False, dropped_bits=23 - 5, nan_code=255)
SIGNED = Layout(True, dropped_bits=23 - 4, nan_code=128)


def compact_product(dtype: str, gradient: Array, tangent: Array, curve: Curve) -> Array:
    """``gradient * tangent`` with the gradient of a curve stored in ``dtype``.

    It is divided by the curve's height before. In 8 bits, one bit is the sign if the curve has one,
    and magnitudes above ``ROOM`` times the height are clipped then.
    """
    unit = jnp.asarray(curve.height, gradient.dtype)
    encode: Callable
    decode: Callable
    if dtype == "uint8":
        layout = SIGNED if curve.signed else UNSIGNED
        encode, decode = layout.encode, layout.decode
        unit = unit * ROOM if curve.signed else unit
    else:
        stored = _sixteen_bits(dtype)
        encode, decode = lambda wide: wide.astype(stored), lambda code, wide: code.astype(wide)
    return compressed_product(operator.mul, encode, decode, gradient / unit, tangent) * unit


def _sixteen_bits(dtype: str) -> str:
    """The dtype, with float16 in place of bfloat16 on CPU before jax 0.11.2.

    There, XLA converts all stacked steps of a scan from bfloat16 to float32 and back at every step:
    1.5 times the memory of float32, and a time that grows with the square of the number of steps.
    A machine without float16 keeps bfloat16.
    """
    widens = jax.default_backend() == "cpu" and jax.__version_info__ < (0, 11, 2)
    return "float16" if widens and has_float16() else dtype


@cache
def has_float16() -> bool:
    """Whether XLA compiles float16; for x86 processors without F16C it fails."""
    try:
        jax.jit(lambda x: 2 * x).lower(jax.ShapeDtypeStruct((), "float16")).compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def compressed_product(
    product: Callable[[Array, Array], Array],
    encode: Callable[[Array], Any],
    decode: Callable[[Any, jnp.dtype], Array],
    stored: Array,
    other: Array,
) -> Array:
    """``product(decoded, other)``, with ``encode(stored)`` kept for the backward pass.

    ``decode(code, dtype)`` gives the decoded array. The derivative with respect to ``stored`` is
    that of the product, as if ``stored`` had not been encoded.
    """
    leaves, tree = jax.tree.flatten(encode(lax.stop_gradient(stored)))

    def from_code(*operands: Array) -> Array:
        *leaves, stored, other = operands
        return product(_decoded(decode, jax.tree.unflatten(tree, leaves), stored), other)

    return _whole.bind(*leaves, stored, other, function=from_code)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _decoded(decode: Callable[[Any, jnp.dtype], Array], code: Any, stored: Array) -> Array:
    """The decoded array, with the derivative of ``stored``, as integer codes have none."""
    # In unrolled loops XLA would keep ``stored`` and encode it again. The barrier prevents that.
    return decode(lax.optimization_barrier(code), stored.dtype)


@_decoded.defjvp
def _(decode, primals, tangents):
    return _decoded(decode, *primals), tangents[1]


# A function that is linear in its last operand. Reverse mode keeps the operands of a primitive: the
# code, not the decoded array. It also keeps ``stored``, which only a second derivative reads, and
# which XLA drops. `jax.checkpoint` would do, but with JAX_REMAT3 it cannot be transposed, and
# `jax.custom_derivatives.linear_call` cannot be batched.
_whole = Primitive("compressed_product")


def _run(*operands: Array, function: Callable[..., Array]) -> Array:
    return function(*operands)


def _abstract_eval(*operands: Any, function: Callable[..., Array]) -> Any:
    return jax.make_jaxpr(function)(*operands).out_avals[0]


def _jvp(operands: Any, tangents: Any, *, function: Callable[..., Array]) -> tuple[Array, Array]:
    """Both factors, as the code has no derivative: ``function`` hands it to ``stored``."""
    *fixed, last = operands
    *fixed_dots, last_dot = map(ad.instantiate_zeros, tangents)
    tangent = _whole.bind(*fixed, last_dot, function=function)
    if not isinstance(tangents[-2], ad.Zero):
        by_fixed = lambda *fixed: function(*fixed, last)
        tangent = tangent + jax.jvp(by_fixed, fixed, fixed_dots)[1]
    return _whole.bind(*operands, function=function), tangent


def _transpose(cotangent: Any, *operands: Any, function: Callable[..., Array]) -> list:
    *fixed, last = operands
    back = jax.linear_transpose(partial(function, *fixed), last.aval)
    return [*(None for _ in fixed), *back(ad.instantiate_zeros(cotangent))]


def _batch(operands: Any, axes: Any, *, function: Callable[..., Array]) -> tuple[Array, int]:
    return _whole.bind(*operands, function=jax.vmap(function, in_axes=axes)), 0


_whole.def_impl(_run)
_whole.def_abstract_eval(_abstract_eval)
ad.primitive_jvps[_whole] = _jvp
ad.primitive_transposes[_whole] = _transpose
batching.primitive_batchers[_whole] = _batch
mlir.register_lowering(_whole, mlir.lower_fun(_run, multiple_results=False))
