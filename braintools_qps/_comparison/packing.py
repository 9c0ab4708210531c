"""What is kept of a run in a file: JSON and arrays, with a checksum.

A file starts with the digest of all that follows: a line of JSON, then the bytes of the arrays.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from .._registry import read_value
from .typing import Plain, Tree

NamedArrays = Mapping[str, np.ndarray]
TEMPORARY = f".{'[0-9a-f]' * 8}*"  # names of files that are being written


class Saved(NamedTuple):
    """What a file holds."""

    about: Plain
    arrays: dict[str, np.ndarray]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; the file replaces another one whole, or is not there at all.

    Processes that share a folder see the old file or the new one.
    """
    beside = path.with_name(f".{secrets.token_hex(4)}{path.name}")
    try:
        yield beside
        with open(beside, "rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def packed(about: Plain, arrays: NamedArrays) -> bytes:
    """The content of a file."""
    forms = [[name, str(array.dtype), array.shape] for name, array in arrays.items()]
    head = json.dumps({"about": about, "arrays": forms}).encode() + b"\n"
    body = head + b"".join(np.ascontiguousarray(array).tobytes() for array in arrays.values())
    return sha256(body).hexdigest().encode() + b"\n" + body


def unpacked(content: bytes) -> Saved | None:
    """The inverse of `packed`; None if a byte has changed."""
    whole, end = memoryview(content), content.find(b"\n")  # slices are no copies
    if sha256(whole[end + 1 :]).hexdigest().encode() != content[:end]:
        return None
    start = content.index(b"\n", end + 1) + 1
    values, arrays = json.loads(content[end + 1 : start]), {}
    for name, kind, shape in values["arrays"]:
        dtype = jnp.dtype(kind)
        stop = start + dtype.itemsize * int(np.prod(shape))
        # A copy, so that one array does not keep the whole file in memory
        arrays[name] = np.frombuffer(bytes(whole[start:stop]), dtype).reshape(shape)
        start = stop
    return Saved(values["about"], arrays)


def as_tree(value: Tree, arrays: dict[str, np.ndarray]) -> Tree:
    """A value of a state in JSON: dictionaries, lists, units, and the names of its arrays.

    Arrays are added to ``arrays``. Another node of a tree becomes the list of its leaves.
    """
    if isinstance(value, u.Quantity):
        return {"unit": f"1.0 {value.unit}", "number": as_tree(value.mantissa, arrays)}
    if isinstance(value, Mapping):
        return {"items": {str(name): as_tree(item, arrays) for name, item in value.items()}}
    leaves = value if isinstance(value, (list, tuple)) else jax.tree.leaves(value)
    if len(leaves) == 1 and leaves[0] is value:
        name = str(len(arrays))
        arrays[name] = raw(value)
        return name
    return [as_tree(leaf, arrays) for leaf in leaves]


def from_tree(tree: Tree, arrays: NamedArrays) -> Tree:
    """The inverse of `as_tree`."""
    if isinstance(tree, str):
        return arrays[tree]
    if isinstance(tree, list):
        return [from_tree(item, arrays) for item in tree]
    if "items" in tree:
        return {name: from_tree(item, arrays) for name, item in tree["items"].items()}
    return from_tree(tree["number"], arrays) * u.get_unit(read_value(tree["unit"]))


def raw(leaf: ArrayLike) -> np.ndarray:
    """An array as NumPy's; random keys as their numbers."""
    is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def like(values: np.ndarray, form: jax.ShapeDtypeStruct) -> ArrayLike:
    """The inverse of `raw`, for a leaf of that form."""
    if jnp.issubdtype(form.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jnp.asarray(values))
    return values
