"""Results as one HTML file to send, to print and to read on a phone.

`write_report` fills the page `report.html.jinja`. It has no scripts and loads nothing from the
network.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import check_record
from .._comparison import present_environment
from .._files import write_file
from .._wording import from_extra
from ..plotting import plot_comparison, plot_gradient_flow
from ..records import Comparison, GradientFlow, GradientFlows, table_of, to_use, versions

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def write_report(
    record: Comparison | GradientFlow | Mapping[str, GradientFlow],
    path: str | os.PathLike,
    *,
    command: str | None = None,
) -> Path:
    """Write a comparison or a gradient flow as one self-contained HTML file.

    The file holds the answer, the figure, the table, a paragraph on methods with the versions, and
    the command that repeats the measurement. It has no scripts and loads nothing from the network.

    Parameters
    ----------
    record : Comparison, GradientFlow or mapping of str to GradientFlow
        The result of `compare` or `gradient_flow`.
    path : path
        The file to write, for example ``"report.html"``. An existing file is replaced; if it is a
        link, the file that it points to is replaced.
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
    page = template.render(_contents(record), command=command)
    write_file(path, page + "\n")
    return path


def _contents(record: Any) -> dict[str, Any]:
    """The variables of the template."""
    check_record(record, Comparison, GradientFlow, several=GradientFlow)
    flows = {record.name: record} if isinstance(record, GradientFlow) else record
    if not (record.results if isinstance(record, Comparison) else flows):
        raise ValueError("a report needs one result or more, got none. Pass a finished one")
    return _of_comparison(record) if isinstance(record, Comparison) else _of_flows(flows)


def _of_comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "title": f"Surrogates compared on {comparison.task.get('name', 'a task')}",
        "figure": _svg(_untitled, comparison),
        "table": table_of(comparison),
        "to_use": to_use(comparison),
        "methods": comparison.methods(),
    }


def _untitled(comparison: Comparison) -> list[Axes]:
    """The figure without its title, which the page has in large letters."""
    panels = plot_comparison(comparison)
    part: Any = panels[0].get_figure()
    part.suptitle("")
    return panels


def _of_flows(flows: Mapping[str, GradientFlow]) -> dict[str, Any]:
    return {
        "title": "Does this network learn?",
        "figure": _svg(plot_gradient_flow, flows),
        "table": table_of(GradientFlows(flows)),
        "to_use": "",
        "methods": f"Measured with {versions(present_environment())}.",
    }


def drawn(draw: Callable[[Any], Any], record: Any, **options: Any) -> bytes:
    """A figure as the content of a file; no window opens."""
    import matplotlib
    import matplotlib.pyplot as plt

    content = io.BytesIO()
    look: Any = {"svg.fonttype": "none", "svg.hashsalt": "figure"}
    with plt.ioff(), matplotlib.rc_context(look):
        figure = np.ravel(draw(record))[0].get_figure(root=True)
        figure.savefig(content, **options)
        plt.close(figure)
    return content.getvalue()


def _svg(draw: Callable[[Any], Any], record: Any) -> str:
    """A figure as an element of the page."""
    svg = drawn(draw, record, format="svg", metadata={"Date": None}).decode()
    return svg[svg.index("<svg") :]
