"""What every subcommand shares: options, help, errors and the lazy package behind them."""

import logging
import signal
import sys
import warnings
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

import braintools_qps
from braintools_qps import __main__
from braintools_qps.__main__ import COMMANDS, main
from braintools_qps._cli import console, errors


@pytest.fixture
def failing(monkeypatch):
    """Have the subcommand list end with an error."""

    def fail_with(error):
        def run(arguments):
            raise error

        monkeypatch.setattr(import_module("braintools_qps._cli.list"), "run", run)

    return fail_with


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"braintools-qps {version('braintools-qps')}\n"
    assert braintools_qps.__version__ == version("braintools-qps")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_plain_and_shows_what_every_command_has(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([*command.split(), "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert "`" not in out
    if command:
        assert COMMANDS[command][1:] in out
        for option in ("--quiet", "--traceback"):
            assert option in out
    else:
        assert all(f" {name} {what}" in out for name, what in COMMANDS.items())
    if command == "compare":
        assert "(default: ReluGrad Sigmoid 'QPseudoSpike(alpha=8)'" in out


# Notes and their amount


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ([], ["note", "warning"]), (["--quiet"], ["warning"]), (["-q"], ["warning"]),
    ],
)  # fmt: skip
def test_notes_go_to_stderr_in_the_amount_asked_for(options, shown, monkeypatch, capsys):
    def run(arguments):
        logger = logging.getLogger("braintools_qps._cli.list")
        logger.info("note")
        logger.warning("warning")
        print("result")

    monkeypatch.setattr(import_module("braintools_qps._cli.list"), "run", run)
    assert main(["list", *options]) == 0
    captured = capsys.readouterr()
    assert captured.out == "result\n"
    assert captured.err.splitlines() == shown
    assert logging.getLogger("braintools_qps").handlers == []


def test_a_warning_is_one_line_with_its_place_in_the_users_code(monkeypatch):
    def run(arguments):
        shown.extend(
            warnings.formatwarning("too hot", UserWarning, filename, 3)
            for filename in ("/home/of/mine.py", console.__file__)
        )

    shown = []
    before = warnings.formatwarning
    monkeypatch.setattr(import_module("braintools_qps._cli.list"), "run", run)
    assert main(["list"]) == 0
    assert shown == ["UserWarning: too hot (mine.py, line 3)\n", "UserWarning: too hot\n"]
    assert warnings.formatwarning is before


# Errors


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("too many"), "too many"),
        (ValueError("shapes differ:\n  (3,) and (5,)"), "shapes differ: (3,) and (5,)"),
        (KeyError("absent"), "absent"),
        (FileNotFoundError(2, "No such file", "x.npz"), "[Errno 2] No such file: 'x.npz'"),
    ],
)
def test_a_mistake_ends_with_one_line_and_status_2(error, message, failing, monkeypatch, capsys):
    monkeypatch.setattr(errors, "is_users", lambda filename: False)  # this file is no user's
    failing(error)
    assert main(["list"]) == 2
    assert capsys.readouterr().err == f"braintools-qps: {message}\n"
    assert main(["list", "--traceback"]) == 2
    traced = capsys.readouterr().err
    assert traced.startswith("Traceback")
    assert traced.endswith(f"\nbraintools-qps: {message}\n")


def test_an_error_in_the_users_own_code_shows_its_type_and_place(failing, capsys):
    failing(ZeroDivisionError("division by zero"))
    assert main(["list"]) == 2
    line = capsys.readouterr().err
    assert line.startswith("braintools-qps: ZeroDivisionError: division by zero (test_main.py, lin")
    assert line.endswith(", in run)\n")
    with pytest.raises(SyntaxError) as caught:
        compile("def f(:", "mine.py", "exec")
    assert errors.described(caught.value) == "SyntaxError: invalid syntax (mine.py, line 1)"
    failing(AssertionError())
    assert main(["list"]) == 2
    assert "braintools-qps: AssertionError (test_main.py, line " in capsys.readouterr().err


def test_an_error_of_ours_is_not_hidden(failing, monkeypatch):
    monkeypatch.setattr(errors, "is_users", lambda filename: False)
    failing(ZeroDivisionError("ours"))
    with pytest.raises(ZeroDivisionError, match="ours"):
        main(["list"])


# Ctrl-C and closed pipes, but for the process itself, which is in tests/integration/cli


def test_ctrl_c_that_somebody_else_handles_is_left_to_them(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["braintools-qps", "list"])
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        __main__.command()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        signal.signal(signal.SIGINT, signal.default_int_handler)
        __main__.command()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_closed_pipe_is_no_mistake(failing):
    failing(BrokenPipeError(32, "Broken pipe"))
    with pytest.raises(BrokenPipeError):
        main(["list"])


def test_dir_shows_every_public_name_and_module():
    listed = dir(braintools_qps)
    assert {*braintools_qps.__all__, "plotting", "testing", "__version__"} <= set(listed)
    assert listed == sorted(listed)
    with pytest.raises(AttributeError, match="has no attribute 'QPseudoSpikes'"):
        _ = braintools_qps.QPseudoSpikes


def test_every_public_module_is_an_attribute():
    folder = Path(braintools_qps.__file__).parent
    files = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    public = {name for name in files if not name.startswith("_")}
    assert public == set(braintools_qps._MODULES)
    for name in public:
        assert getattr(braintools_qps, name).__name__ == f"braintools_qps.{name}"
