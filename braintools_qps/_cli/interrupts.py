"""Ctrl-C: one line, status 130, and at once, whatever the process is doing.

Python raises KeyboardInterrupt between two of its own instructions. Until XLA has compiled or
computed, which may take minutes, there is none. So a thread waits for the signal as well, by the
file descriptor that Python's C code writes to as soon as the signal arrives, and ends the process
where the main thread has not done so itself.

The process is then left without the interpreter's usual end, which would wait for the threads that
train, and take away the interpreter under those that still run.

Where Python cannot raise, as in JAX's callback of the garbage collector, it prints a traceback of
the KeyboardInterrupt and goes on. C code that handles errors by itself, as in NumPy's import,
prints one, too. Neither is shown here, and the thread has the former raised once more.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from _thread import interrupt_main
from collections.abc import Callable
from threading import Event, Thread
from typing import Any, NoReturn

from .console import flush

STATUS = 130  # what a shell reports of a program that Ctrl-C has ended
GRACE = 1.0  # seconds in which the main thread can clear up
LOOKS = 20  # at how it does, in that time
MESSAGE = "Interrupted"

_message: str | Callable[[], str] = MESSAGE
_clear_up: tuple[Callable[[], None], ...] = ()
_seen = Event()
_lost = Event()  # raised where Python could not raise it
_reported = Event()


def seen() -> bool:
    """Whether Ctrl-C was pressed since `end_on_ctrl_c`."""
    return _seen.is_set()


def end_on_ctrl_c() -> None:
    """Let Ctrl-C end the process from now on: by KeyboardInterrupt, or else after a second."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return  # ignored, as in a shell script's background, or somebody else's
    inbox, outbox = socket.socketpair()
    outbox.setblocking(False)
    signal.set_wakeup_fd(outbox.fileno(), warn_on_full_buffer=False)
    sys.excepthook, sys.unraisablehook = _print_others, _print_or_notice
    signal.signal(signal.SIGINT, _raise)
    Thread(target=_watch, args=(inbox, outbox), daemon=True).start()


def announce(message: str | Callable[[], str] = MESSAGE) -> None:
    """What to say on Ctrl-C from now on, as that something has been saved; or what finds out."""
    global _message
    _message = message


def before_leaving(*clear_up: Callable[[], None]) -> None:
    """What to do if Ctrl-C ends the process before the main thread could clear up itself."""
    global _clear_up
    _clear_up = clear_up


def report() -> int:
    """Say that the command was interrupted.

    Returns
    -------
    int
        The status to exit with.
    """
    newline = "\n" if sys.stderr.isatty() else ""  # after the ^C that a terminal shows
    message = _message if isinstance(_message, str) else _message()
    print(newline + message, file=sys.stderr)
    _reported.set()  # not before: the thread that waits for it ends the process
    return STATUS


def leave() -> NoReturn:
    """End the process here and now, with what was printed."""
    # In a thread, as it would wait for ever where another one is held up in printing.
    for task in (flush, *_clear_up):
        thread = Thread(target=task, daemon=True)
        thread.start()
        thread.join(GRACE)
    os._exit(STATUS)


def leave_it_to_the_system() -> None:
    """Once all is done, Ctrl-C ends the process without a word of Python's."""
    if signal.getsignal(signal.SIGINT) is _raise:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _raise(number: int, frame: Any) -> NoReturn:
    _seen.set()
    raise KeyboardInterrupt


def _print_others(kind: type[BaseException], error: BaseException, *trace: Any) -> None:
    if not isinstance(error, KeyboardInterrupt):
        sys.__excepthook__(kind, error, *trace)


def _print_or_notice(unraisable: Any) -> None:
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        _lost.set()
    else:
        sys.__unraisablehook__(unraisable)


def _watch(inbox: socket.socket, outbox: socket.socket) -> None:
    while signal.SIGINT not in inbox.recv(1):
        pass
    for _ in range(LOOKS):
        if _reported.wait(GRACE / LOOKS):
            break
        if _lost.is_set():
            _lost.clear()
            interrupt_main()
    else:
        report()
    leave()
