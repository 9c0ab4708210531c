"""Results as one HTML file to send, to print and to read on a phone.

Start here with `write_report`; `contents` collects the parts of a report for each kind of record,
`drawings` makes its figures, and `report.html.jinja` is the page. A report has no scripts and loads
nothing from the network.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from .._files import write_file
from .._wording import from_extra
from ..records import Comparison, GradientFlow
from .contents import contents


def write_report(
    record: Comparison | GradientFlow | Mapping[str, GradientFlow],
    path: str | os.PathLike,
    *,
    command: str | None = None,
) -> Path:
    """Write a comparison or a gradient flow as one self-contained HTML file.

    It holds the answer, the table, the figures, the names and sizes of the data, the settings, the
    versions and the command that repeats the measurement. Figures are SVG and follow the reader's
    light or dark mode. The file has no scripts and loads nothing from the network.

    Parameters
    ----------
    record : Comparison, GradientFlow or mapping of str to GradientFlow
        What `compare` or `gradient_flow` returned.
    path : path
        The file to write, for example ``"report.html"``. An existing file is replaced, a link is
        written through.
    command : str, optional
        The command that repeats the measurement. The command line passes its own.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    ImportError
        If Jinja2 or matplotlib is not installed.
    TypeError
        If the record is of another type.
    ValueError
        If the record has no result.

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
    with from_extra("train", "a report needs Jinja2"):
        from jinja2 import Environment, PackageLoader, StrictUndefined
    environment = Environment(
        loader=PackageLoader("braintools_qps", "_report"), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    template = environment.get_template("report.html.jinja")
    path = Path(path)
    page = template.render(contents(record), command=command)
    write_file(path, page + "\n")
    return path
