"""What subcommands share: options, help, errors and the lazy package; and the subcommand list."""

import gc
import logging
import re
import signal
import warnings
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import Sigmoid

import braintools_qps
from braintools_qps import get_surrogate, list_surrogates, register_surrogate
from braintools_qps.__main__ import COMMANDS, main
from braintools_qps._cli import console
from braintools_qps._cli.list import SHAPES
from braintools_qps._comparison import TASKS
from braintools_qps._defaults import ADVICE


@pytest.fixture
def listing(monkeypatch):
    """Have the subcommand list do something else, or end with an error."""
    module = import_module("braintools_qps._cli.list")

    def does(run):
        def fail(arguments):
            raise run

        monkeypatch.setattr(module, "run", run if callable(run) else fail)

    return does


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
        assert all(text in out for text in (COMMANDS[command][1:], "--quiet", "--traceback"))
    else:
        assert all(f" {name} {what}" in out for name, what in COMMANDS.items())
    if command == "compare":
        assert "(default: ReluGrad Sigmoid 'QPseudoSpike(alpha=8)'" in out


# Notes and their amount


@pytest.mark.parametrize("options", [[], ["--quiet"], ["-q"]])
def test_notes_go_to_stderr_unless_only_warnings_are_asked_for(options, listing, capsys):
    def run(arguments):
        logger = logging.getLogger("braintools_qps._cli.list")
        logger.info("note")
        logger.warning("warning")
        print("result")

    listing(run)
    assert main(["list", *options]) == 0
    captured = capsys.readouterr()
    assert captured.out == "result\n"
    assert captured.err.splitlines() == (["warning"] if options else ["note", "warning"])
    assert logging.getLogger("braintools_qps").handlers == []


def test_a_warning_is_one_line_with_its_place_in_the_users_code(listing):
    files, shown, before = ("/home/of/mine.py", console.__file__), [], warnings.formatwarning
    in_line_3 = lambda file: warnings.formatwarning("too hot", UserWarning, file, 3)
    listing(lambda arguments: shown.extend(map(in_line_3, files)))
    assert main(["list"]) == 0
    assert shown == ["UserWarning: too hot (mine.py, line 3)\n", "UserWarning: too hot\n"]
    assert warnings.formatwarning is before


# Errors


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("shapes differ:\n  (3,) and (5,)"), "shapes differ: (3,) and (5,)"),
        (KeyError("absent"), "absent"),
        (FileNotFoundError(2, "No such file", "x.npz"), "[Errno 2] No such file: 'x.npz'"),
    ],
)
def test_a_mistake_ends_with_one_line_and_status_2(error, message, listing, monkeypatch, capsys):
    monkeypatch.setattr(console, "is_users", lambda filename: False)  # this file is no user's
    listing(error)
    assert main(["list"]) == 2
    assert capsys.readouterr().err == f"braintools-qps: {message}\n"
    assert main(["list", "--traceback"]) == 2
    traced = capsys.readouterr().err
    assert traced.startswith("Traceback")
    assert traced.endswith(f"\nbraintools-qps: {message}\n")


def test_ctrl_c_ends_with_one_line(listing, capsys):
    listing(KeyboardInterrupt())
    assert main(["list"]) == 130
    assert capsys.readouterr().err == "braintools-qps: interrupted\n"


def test_ctrl_c_in_a_callback_of_the_garbage_collector_is_not_lost(listing, capsys):
    """JAX has one, which Python calls where nothing can be raised."""

    def press(*collection):
        gc.callbacks.remove(press)
        signal.raise_signal(signal.SIGINT)

    def run(arguments):
        gc.callbacks.append(press)
        gc.collect()
        for _ in range(10**8):
            pass

    listing(run)
    assert main(["list"]) == 130
    assert capsys.readouterr().err == "braintools-qps: interrupted\n"


def test_an_error_in_the_users_own_code_shows_its_type_and_place(listing, capsys):
    listing(ZeroDivisionError("division by zero"))
    assert main(["list"]) == 2
    line = capsys.readouterr().err
    assert line.startswith("braintools-qps: ZeroDivisionError: division by zero (test_main.py, lin")
    assert line.endswith(", in fail)\n")
    with pytest.raises(SyntaxError) as caught:
        compile("def f(:", "mine.py", "exec")
    assert console.described(caught.value) == "SyntaxError: invalid syntax (mine.py, line 1)"
    listing(AssertionError())
    assert main(["list"]) == 2
    assert "braintools-qps: AssertionError (test_main.py, line " in capsys.readouterr().err


def test_an_error_of_ours_is_no_mistake_of_the_user(listing, monkeypatch):
    monkeypatch.setattr(console, "is_users", lambda filename: False)
    listing(ZeroDivisionError("ours"))
    with pytest.raises(ZeroDivisionError):
        main(["list"])


def test_dir_and_attributes_are_every_public_name_and_module():
    folder = Path(braintools_qps.__file__).parent
    files = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    modules = {name for name in files if not name.startswith("_")}
    shown = [name for name in dir(braintools_qps) if name[0] != "_"]
    assert shown == sorted([*braintools_qps.__all__, *modules])
    assert all(getattr(braintools_qps, name).__name__.endswith(name) for name in modules)
    with pytest.raises(AttributeError, match="has no attribute 'QPseudoSpikes'"):
        _ = braintools_qps.QPseudoSpikes


# The subcommand list


def listed(capsys, *options):
    """What is listed of each name, its description included: both are wrapped for a terminal."""
    assert main(["list", *options]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    entries, _, advice = (out, "", "") if options else out.rpartition("\n\n")
    assert options or " ".join(advice.split()) == ADVICE
    entries = re.sub(r"\n +", " ", entries).splitlines()
    return {entry.split()[0]: entry for entry in entries if entry}


def test_each_surrogate_is_listed_with_its_description(capsys):
    rows = listed(capsys)
    assert list(rows) == list_surrogates()
    ours = "QPseudoSpike  braintools-qps  alpha=2.0, scale=None, dampening=1.0, residual_dtype=None"
    assert rows["QPseudoSpike"] == f"{ours} peak, tail 1 / x^alpha"
    # Whose it is, not who publishes the name
    assert {rows[name].split()[1] for name in ("Sigmoid", "S2NN", "Arctan")} == {"braintools"}


def test_the_tails_are_as_fat_as_the_list_says():
    for name, shape in SHAPES.items():
        if tail := re.search(r"tail 1 / x\^?(\d?)$", shape):
            near, far = get_surrogate(name).surrogate_grad(jnp.float32([1e3, 1e4]))
            assert np.log10(near / far) == pytest.approx(int(tail[1] or 1), abs=0.01)


def test_every_task_is_listed_with_what_its_data_are(capsys):
    rows = listed(capsys, "--tasks")
    assert rows.keys() == TASKS.keys()
    assert "16 steps of 8 features" in rows["digits-rows"]
    assert all(len(row.split()) > 4 for row in rows.values())


def test_parameters_without_default_and_of_any_type_are_text(capsys):
    @register_surrogate
    class Odd(Sigmoid):
        def __init__(self, required, mode=len, text="1e5", scale=15 * u.mV):
            super().__init__()

    here = __name__.partition(".")[0].replace("_", "-")
    odd = f"Odd  {here}  required, mode={len!r}, text=1e5, scale=15 mV"
    assert listed(capsys)["Odd"].strip() == odd  # without the docstring of its base
