"""Types of the signatures in this room."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import brainunit as u
from jax import Array

Number: TypeAlias = Array | u.Quantity
Tree: TypeAlias = Any  # of arrays
Outputs: TypeAlias = Any  # of a model: an array, a Quantity, or a tree of them
Values: TypeAlias = dict[str, Any]  # of states, by their paths in the model
Setting: TypeAlias = Mapping[str, Any]  # a value for each name that is tuned
Plain: TypeAlias = Mapping[str, Any]  # what JSON can hold
Goal: TypeAlias = Callable[[Outputs, Array], Number]  # a loss or a score
