"""What the command line says: what a command is for, and what is wrong with the input."""

from __future__ import annotations

import brainunit as u

EXPECTED = (ValueError, TypeError, LookupError, ImportError, OSError, u.UnitMismatchError)


def about(docstring: str) -> dict[str, str]:
    """Help and description of a subcommand, out of its module's docstring ``"`name`: what."``."""
    what = docstring.partition(": ")[2]
    return {"help": what.removesuffix("."), "description": what[0].upper() + what[1:]}


def reason(error: BaseException) -> str:
    """The message; of a KeyError, whose str() is a repr, what it was raised with."""
    if type(error) is KeyError and error.args:
        return str(error.args[0])
    return str(error)
