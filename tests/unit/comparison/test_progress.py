"""The bar over all runs, and the lines that stand for it where there is no terminal."""

import io
import re
import sys
from threading import Event

import pytest
from played_comparison import NAMES, OPTIONS, played

import braintools_qps._comparison as comparison
from braintools_qps import compare
from braintools_qps._comparison import progress as module
from braintools_qps._comparison.progress import Progress, reported

__all__ = ["played"]

HALFWAY = Progress(("Sigmoid", "S2NN"), 30, 60, 0.1234, 5, 6, 20)


class Errors(io.StringIO):
    """Stands in for the standard error."""

    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal
        self.two_lines = Event()

    def isatty(self):
        return self.terminal

    def write(self, text):
        super().write(text)
        if self.getvalue().count("\n") >= 2:
            self.two_lines.set()
        return len(text)


@pytest.mark.parametrize("terminal", [True, False])
def test_it_tells_runs_rate_and_time_left(terminal, monkeypatch):
    errors = Errors(terminal)
    monkeypatch.setattr(sys, "stderr", errors)
    seen = []
    with reported(seen.append, shown=True) as report:
        report(HALFWAY)
    assert seen == [HALFWAY]
    text = errors.getvalue()
    assert "Sigmoid and 1 more:  50%" in text
    assert "30/60" in text
    assert "5 of 20 runs, 6 in training, loss 0.123" in text
    assert re.search(r"\[\d\d:\d\d<\d\d:\d\d, +[\d.?]+(epoch/s|s/epoch)", text)
    if not terminal:
        assert text.count("\n") == 1
        assert "\r" not in text


def test_without_a_terminal_lines_come_although_nothing_moves(monkeypatch):
    errors = Errors(terminal=False)
    monkeypatch.setattr(sys, "stderr", errors)
    monkeypatch.setattr(module, "EVERY", 1e-3)
    with reported(None, shown=True):
        assert errors.two_lines.wait(60)
    assert errors.getvalue().startswith("compiling: ")


def test_without_tqdm_there_is_no_bar(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    seen = []
    with reported(seen.append, shown=True) as report:
        report(HALFWAY)
    assert seen == [HALFWAY]


@pytest.mark.usefixtures("played")
def test_compare_shows_it_unless_told_not_to(capsys, monkeypatch):
    compare(NAMES, progress=False, **OPTIONS)
    assert capsys.readouterr().err == ""
    compare(NAMES, **OPTIONS)
    assert "QPseudoSpike: " in capsys.readouterr().err

    def refuse(*_):
        raise ValueError("of the model")

    monkeypatch.setattr(comparison, "check_model", refuse)
    with pytest.raises(ValueError, match="of the model"):
        compare(NAMES, **OPTIONS)
    assert capsys.readouterr().err == ""
