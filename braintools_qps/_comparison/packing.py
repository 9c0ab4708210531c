"""What is kept of a run in a file: arrays and JSON, as an ``.npz`` archive, which has checksums."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from io import BytesIO
from os import PathLike
from typing import IO, Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from .._registry import read_value
from .typing import Plain, Tree

NamedArrays = Mapping[str, np.ndarray]


class Saved(NamedTuple):
    """What a file holds."""

    about: Plain
    arrays: dict[str, np.ndarray]


def packed(about: Plain, arrays: NamedArrays) -> bytes:
    """The content of a file."""
    dtypes = {name: str(array.dtype) for name, array in arrays.items()}
    text = json.dumps({"about": about, "dtypes": dtypes})
    members: Any = {"json": np.array(text), **arrays}
    np.savez(file := BytesIO(), **members)
    return file.getvalue()


def unpacked(file: str | PathLike | IO[bytes], names: Iterable[str] | None = None) -> Saved:
    """The inverse of `packed`, with all arrays or those of these names.

    Raises if a byte of an array has changed.
    """
    with np.load(file) as archive:
        values = json.loads(archive["json"].item())
        # NumPy does not know JAX's types, such as bfloat16
        dtypes = {name: jnp.dtype(dtype) for name, dtype in values["dtypes"].items()}
        names = dtypes if names is None else names
        return Saved(values["about"], {name: archive[name].view(dtypes[name]) for name in names})


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
