"""Whether JAX supports float16 on this machine."""

from functools import cache

import jax


@cache
def has_float16() -> bool:
    """Whether XLA compiles float16; for x86 processors without F16C it fails."""
    try:
        jax.jit(lambda x: 2 * x).lower(jax.ShapeDtypeStruct((), "float16")).compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True
