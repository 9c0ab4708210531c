"""The bar over all workers, and the lines that stand for it where there is no terminal."""

import io
import re
import sys
from threading import Event

import pytest

from braintools_qps._cli import progress as module
from braintools_qps._cli.progress import progress_bar
from braintools_qps._comparison import Progress

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
    with progress_bar(quiet=False) as bar:
        bar.show(HALFWAY)
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
    with progress_bar(quiet=False):
        assert errors.two_lines.wait(60)
    assert errors.getvalue().startswith("compiling: ")


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_is_quiet(terminal, monkeypatch):
    errors = Errors(terminal)
    monkeypatch.setattr(sys, "stderr", errors)
    with progress_bar(quiet=True) as bar:
        bar.show(HALFWAY)
    assert errors.getvalue() == ""
