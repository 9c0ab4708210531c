"""What was measured, as one HTML file that can be sent, read on a telephone and printed.

Start here with `write_report`; `contents` says what stands in a report of each kind of record,
`drawings` has its figures, and `report.html.jinja` is how it looks. A report has no script and asks
no other machine for anything.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..records import Comparison, GradientFlow
from .contents import contents

__all__ = ["write_report"]

TEMPLATE = "report.html.jinja"


def write_report(
    record: Comparison | GradientFlow | Mapping[str, GradientFlow],
    path: str | os.PathLike,
    *,
    command: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Write what was measured into one HTML file that needs nothing else.

    It holds what was asked, the table, the figures, the settings, the versions and the command that
    repeats it. Figures are SVG within the file and follow the reader's light or dark colours. There
    is no script in it, and no request to anywhere.

    Parameters
    ----------
    record : Comparison, GradientFlow or mapping of str to GradientFlow
        What `compare` or `gradient_flow` returned.
    path : path
        The file to write, for example ``"report.html"``. What was there is replaced.
    command : str, optional
        The command that repeats the measurement; the command line fills in its own.
    settings : mapping, optional
        Further settings to list, by name. A `Comparison` brings its own.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    ImportError
        If Jinja2 or matplotlib is not installed.
    TypeError
        If the record is none of these.
    ValueError
        If there is no result to report.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from braintools_qps import compare, write_report
    >>> small = {"epochs": 2, "seeds": 1, "tune": None}
    >>> comparison = compare(["Sigmoid"], **small)
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     written = write_report(comparison, Path(directory) / "report.html")
    ...     written.read_text(encoding="utf-8").splitlines()[0]
    '<!doctype html>'
    """
    page = _template().render(contents(record, settings or {}), command=command)
    path = Path(path)
    path.write_text(page + "\n", encoding="utf-8")
    return path


def _template() -> Any:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise ImportError(
            "a report needs Jinja2. Run pip install 'braintools-qps[train]'"
        ) from error
    loader = PackageLoader("braintools_qps", "_report")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(TEMPLATE)
